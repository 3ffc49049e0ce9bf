/** An answer of the engine that is a no. */
export class EngineError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What the Swarm inside the engine says, with gRPC's prefix as the engine passes it on. */
export const rpcError = (status: number, code: string, description: string): EngineError =>
  new EngineError(status, `rpc error: code = ${code} desc = ${description}`);
