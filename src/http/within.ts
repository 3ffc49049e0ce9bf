import { Fault } from "../core/reason.ts";

/** Asks with a deadline in milliseconds; rejects with a Fault when it passes, even where the asked ignores the signal. */
export async function within<T>(ms: number, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const fault = new Fault("unavailable", `No answer within ${ms / 1000} s`);
      stop.abort(fault);
      reject(fault);
    }, ms);
  });
  try {
    return await Promise.race([ask(stop.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
