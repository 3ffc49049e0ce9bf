import type { Behaviour } from "../../src/sandbox/engine/model.ts";

/** What the images of the lab do, for the embedded engine; see test/lab/images.ts. */
export function behaviourOf({ image }: { image: string }): Behaviour {
  switch (image) {
    case "lab/crash:1":
      return { outcome: { kind: "exits", after: 0, code: 3 } };
    case "lab/healthy:1":
      return { outcome: { kind: "healthy", after: 500 } };
    case "lab/sick:1":
      return { outcome: { kind: "unhealthy", after: 600 } };
    default:
      return {};
  }
}
