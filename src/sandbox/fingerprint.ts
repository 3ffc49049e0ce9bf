import type { Labels } from "../core/alert.ts";

const bytes = new TextEncoder();
const separator = 0xff;

/**
 * Alertmanager's name of a label set: FNV-1a with 64 bits over the names and values in the order of the names, each
 * followed by 0xff; 16 hexadecimal digits. As in prometheus/common, model/signature.go and model/fnv.go.
 */
export function fingerprint(labels: Labels): string {
  let hash = 14695981039346656037n;
  const add = (byte: number): void => {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 1099511628211n);
  };
  for (const name of Object.keys(labels).sort()) {
    for (const text of [name, labels[name] ?? ""]) {
      for (const byte of bytes.encode(text)) add(byte);
      add(separator);
    }
  }
  return hash.toString(16).padStart(16, "0");
}
