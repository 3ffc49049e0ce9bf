import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { requireBinary } from "./binaries.ts";

const run = promisify(execFile);

type Pair = { readonly cert: string; readonly key: string };

/** PEM texts of an authority of our own, and of a server at 127.0.0.1 and a client that it vouches for. For one day. */
export async function makeCertificates(
  directory: string,
): Promise<{ ca: string; server: Pair; client: Pair }> {
  const path = (name: string): string => join(directory, name);
  const openssl = (...arguments_: string[]) => run(requireBinary("openssl"), arguments_);
  const newKey = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = (name: string) => ["-keyout", path(`${name}.key`), "-subj", `/CN=${name}`];
  await openssl(...newKey, "-x509", "-days", "1", ...files("ca"), "-out", path("ca.pem"));
  await writeFile(path("extensions"), "subjectAltName=IP:127.0.0.1\n");
  const pair = async (name: string): Promise<Pair> => {
    await openssl(...newKey, ...files(name), "-out", path(`${name}.csr`));
    const authority = ["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial"];
    const request = ["-in", path(`${name}.csr`), "-out", path(`${name}.pem`), "-days", "1"];
    await openssl("x509", "-req", ...request, ...authority, "-extfile", path("extensions"));
    return {
      cert: await readFile(path(`${name}.pem`), "utf8"),
      key: await readFile(path(`${name}.key`), "utf8"),
    };
  };
  const [server, client] = [await pair("server"), await pair("client")];
  return { ca: await readFile(path("ca.pem"), "utf8"), server, client };
}
