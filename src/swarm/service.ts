import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { Labels } from "../core/alert.ts";
import type { ServiceState } from "../core/target.ts";
import { intentLabel } from "./spec.ts";

const labels = Labels.nullish().transform((value) => value ?? {});

const Spec = z.looseObject({
  Name: z.string(),
  Labels: labels,
  TaskTemplate: z.looseObject({
    ContainerSpec: z.looseObject({ Image: z.string().default("") }).nullish(),
  }),
  Mode: z.looseObject({
    Replicated: z.looseObject({ Replicas: z.number().nullish() }).nullish(),
    Global: z.unknown().optional(),
    ReplicatedJob: z.unknown().optional(),
    GlobalJob: z.unknown().optional(),
  }),
});

/** A service as the engine lists it with `status=true`; of the many fields, those that decisions are made of. */
export const Service = z.looseObject({
  ID: z.string(),
  Version: z.object({ Index: z.number() }),
  UpdatedAt: z.string(),
  Spec,
  PreviousSpec: Spec.nullish(),
  UpdateStatus: z
    .looseObject({
      State: z
        .enum([
          "updating",
          "paused",
          "completed",
          "rollback_started",
          "rollback_paused",
          "rollback_completed",
        ])
        .optional(),
      Message: z.string().default(""),
    })
    .nullish(),
  ServiceStatus: z.looseObject({ RunningTasks: z.number().default(0) }),
});
export type Service = z.infer<typeof Service>;

export function stateOf(service: Service): ServiceState {
  const { Spec: spec, PreviousSpec: previous, UpdateStatus: update } = service;
  return {
    id: service.ID,
    name: spec.Name,
    version: service.Version.Index,
    mode: modeOf(spec.Mode),
    replicas: replicasOf(spec),
    running: service.ServiceStatus.RunningTasks,
    image: imageOf(spec),
    labels: spec.Labels,
    intent: intentOf(spec),
    updatedAt: Date.parse(service.UpdatedAt),
    update: update?.State === undefined ? null : { state: update.State, message: update.Message },
    previous: previous
      ? {
          intent: intentOf(previous),
          replicas: replicasOf(previous),
          sameTasks: isDeepStrictEqual(previous.TaskTemplate, spec.TaskTemplate),
          image: imageOf(previous),
        }
      : null,
  };
}

type Spec = z.infer<typeof Spec>;

function modeOf(mode: Spec["Mode"]): ServiceState["mode"] {
  if (mode.Global !== undefined) return "global";
  if (mode.ReplicatedJob !== undefined) return "replicated-job";
  if (mode.GlobalJob !== undefined) return "global-job";
  return "replicated";
}

const replicasOf = (spec: Spec): number => spec.Mode.Replicated?.Replicas ?? 0;
const imageOf = (spec: Spec): string => spec.TaskTemplate.ContainerSpec?.Image ?? "";
const intentOf = (spec: Spec): string | null => spec.Labels[intentLabel] ?? null;
