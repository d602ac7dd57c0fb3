// https checks of a server whose authority only the operator knows.
import { skippableTest } from "../skippable.ts";
import { Cluster, until } from "./cluster.ts";

const OPENSSL = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then(({ success }) => success ? null : "openssl does not run here", () => "needs openssl");

/** Files of a new authority, and of a certificate that it has given to `localhost`. */
async function certify(folder: string): Promise<{ authority: string; cert: string; key: string }> {
  const [authority, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) =>
    `${folder}/${name}`
  );
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const openssl = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  const caKey = `${folder}/ca-key.pem`, request = `${folder}/request.pem`;
  const extension = `${folder}/extension`;
  await Deno.writeTextFile(extension, "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n");
  await openssl(
    "req",
    "-x509",
    ...curve,
    "-keyout",
    caKey,
    "-out",
    `${authority}`,
    "-subj",
    "/CN=own",
  );
  const names = ["-subj", "/CN=localhost"];
  await openssl("req", ...curve.slice(0, 5), "-keyout", `${key}`, "-out", request, ...names);
  const signed = ["-in", request, "-CA", `${authority}`, "-CAkey", caKey, "-CAcreateserial"];
  await openssl("x509", "-req", ...signed, "-days", "2", "-extfile", extension, "-out", `${cert}`);
  return { authority: `${authority}`, cert: `${cert}`, key: `${key}` };
}

skippableTest(
  "an https check wants a certificate of a known authority; --ca-file makes one known",
  OPENSSL,
  async () => {
    const folder = await Deno.makeTempDir();
    const { authority, cert, key } = await certify(folder);
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      cert: await Deno.readTextFile(cert),
      key: await Deno.readTextFile(key),
      onListen() {},
      onError: () => new Response(null, { status: 500 }),
    }, () => new Response("ok"));
    const cluster = new Cluster({ count: 2 });
    const [one, two] = [cluster.node(1), cluster.node(2)];
    const args = ["--check", `https://localhost:${server.addr.port}/`, "--check-timeout", "30s"];
    try {
      cluster.start(one, { priority: 10, args });
      cluster.start(two, { priority: 20, args: [...args, "--ca-file", authority] });
      const says = (node: typeof one, text: string) => () =>
        node.process?.output.includes(text) === true;
      const unknown = "/: certificate of an unknown authority";
      await until(says(one, unknown), { title: "without the authority it fails" });
      await until(says(two, "check-well: https://localhost"), { title: "with it it is well" });
    } finally {
      await cluster.close();
      await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    }
  },
);
