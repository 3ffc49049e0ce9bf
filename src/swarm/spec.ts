import { Fault } from "../core/reason.ts";
import type { ServiceChange } from "../core/target.ts";
import { isObject, type Json } from "./json.ts";

/** Which intent of ours was the last to write a service's spec. */
export const intentLabel = "homeostat.intent";

/**
 * The spec to write: what was read, with only the change and the intent's label. Untyped on purpose: a field that
 * this program has never heard of is passed on as it came. `service` is the engine's answer, parsed exactly.
 */
export function changedSpec(service: Json, { set, intent }: Pick<ServiceChange, "set" | "intent">): Json {
  const spec = part(service, "Spec");
  switch (set.kind) {
    case "replicas": {
      const mode = part(spec, "Mode");
      if (!isObject(mode["Replicated"]))
        throw new Fault("refused", "The service is not replicated: it has no number of replicas");
      const replicated = { ...mode["Replicated"], Replicas: set.replicas };
      return stamped({ ...spec, Mode: { ...mode, Replicated: replicated } }, intent);
    }
    case "restart": {
      const template = part(spec, "TaskTemplate");
      const last = template["ForceUpdate"];
      const ForceUpdate = typeof last === "number" ? last + 1 : 1;
      return stamped({ ...spec, TaskTemplate: { ...template, ForceUpdate } }, intent);
    }
    case "previous-spec": {
      if (!isObject(service["PreviousSpec"]))
        throw new Fault("refused", "The engine remembers no previous spec of the service");
      return stamped({ ...service["PreviousSpec"], Mode: spec["Mode"] }, intent);
    }
    case "image": {
      const template = part(spec, "TaskTemplate");
      const container = part(template, "ContainerSpec");
      const ContainerSpec = { ...container, Image: set.image };
      return stamped({ ...spec, TaskTemplate: { ...template, ContainerSpec } }, intent);
    }
    default:
      return set satisfies never;
  }
}

/** Of which spec the registry's credentials are kept: they belong to the image that is going to run. */
export const credentialsFrom = (set: ServiceChange["set"]): "spec" | "previous-spec" =>
  set.kind === "previous-spec" ? "previous-spec" : "spec";

function stamped(spec: Json, intent: string): Json {
  const labels = isObject(spec["Labels"]) ? spec["Labels"] : {};
  return { ...spec, Labels: { ...labels, [intentLabel]: intent } };
}

function part(from: Json, field: string): Json {
  const value = from[field];
  if (!isObject(value)) throw new Fault("refused", `Docker answered a service without ${field}`);
  return value;
}
