// A certificate authority for one test, and a server that it vouches for, made with openssl.
import type { CloudServer } from "../exoscale/server.ts";

/** Why certificates cannot be made here, null when they can. */
export const missingOpenssl: string | null = hasOpenssl() ? null : "needs openssl";

/** Files of an authority and of servers below it. */
export class Authority implements AsyncDisposable {
  readonly #folder: string;
  #count = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the authority. */
  static async create(): Promise<Authority> {
    const authority = new Authority(await Deno.makeTempDir());
    const usage = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
    await authority.#issue("ca", "Test authority", usage, []);
    return authority;
  }

  /** Path of the authority's certificate. */
  get caFile(): string {
    return `${this.#folder}/ca.crt`;
  }

  /** The authority's certificate in PEM form. */
  get caCert(): string {
    return Deno.readTextFileSync(this.caFile);
  }

  /** A key and a certificate for the host name, from this authority or from itself; one that has expired if wished. */
  async certificate(
    host: string,
    { selfSigned = false, expired = false } = {},
  ): Promise<{ key: string; cert: string }> {
    const extensions = [`subjectAltName=DNS:${host}`, "basicConstraints=critical,CA:FALSE"];
    const issuer = ["-CA", this.caFile, "-CAkey", `${this.#folder}/ca.key`];
    const name = `server${this.#count++}`;
    const file = `${this.#folder}/${name}`;
    await this.#issue(name, host, extensions, selfSigned ? [] : issuer);
    if (expired) {
      // Issued anew, by the one command that lets one choose both ends.
      const request = ["-x509toreq", "-in", `${file}.crt`, "-signkey", `${file}.key`];
      await openssl("x509", ...request, "-copy_extensions", "copy", "-out", `${file}.csr`);
      await Deno.writeTextFile(`${file}.cnf`, registryConfig(file));
      await Deno.writeTextFile(`${file}.index`, "");
      const time = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"];
      const from = ["-cert", this.caFile, "-keyfile", `${this.#folder}/ca.key`];
      const anew = ["-batch", "-notext", "-in", `${file}.csr`, "-out", `${file}.crt`];
      await openssl("ca", "-config", `${file}.cnf`, ...anew, ...from, ...time);
    }
    const read = (ending: string) => Deno.readTextFile(`${file}.${ending}`);
    return { key: await read("key"), cert: await read("crt") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #issue(name: string, subject: string, extensions: string[], options: string[]) {
    const file = `${this.#folder}/${name}`;
    await openssl(
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(" "),
      ...["-keyout", `${file}.key`, "-out", `${file}.crt`, "-subj", `/CN=${subject}`],
      ...extensions.flatMap((extension) => ["-addext", extension]),
      ...["-days", "2", ...options],
    );
  }
}

/** The simulated cloud behind TLS; `seen` counts the requests that got through. */
export function serveTls(
  cloud: CloudServer,
  identity: { key: string; cert: string },
): AsyncDisposable & { readonly port: number; readonly seen: { count: number } } {
  const seen = { count: 0 };
  const options = { hostname: "127.0.0.1", port: 0, onListen() {}, ...identity };
  const server = Deno.serve(options, async (request) => {
    seen.count += 1;
    const { pathname, search } = new URL(request.url);
    const { origin } = new URL(cloud.endpoint("v2"));
    const body = request.method === "GET" ? null : await request.text();
    const headers = new Headers(request.headers);
    headers.delete("host");
    return await fetch(origin + pathname + search, { method: request.method, headers, body });
  });
  return { port: server.addr.port, seen, [Symbol.asyncDispose]: () => server.shutdown() };
}

function registryConfig(file: string): string {
  const lines = [
    `[ca]\ndefault_ca = registry\n[registry]\ndatabase = ${file}.index`,
    `new_certs_dir = ${file.replace(/\/[^/]*$/, "")}\nrand_serial = yes\npolicy = any`,
    "copy_extensions = copy\ndefault_md = sha256\n[any]\ncommonName = supplied\n",
  ];
  return lines.join("\n");
}

function hasOpenssl(): boolean {
  try {
    const { stdout } = new Deno.Command("openssl", { args: ["version"] }).outputSync();
    return /^OpenSSL [3-9]/.test(new TextDecoder().decode(stdout));
  } catch {
    return false;
  }
}

async function openssl(...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("openssl", { args }).output();
  if (code !== 0) throw new Error(`openssl: ${new TextDecoder().decode(stderr)}`);
}
