// The user data of the OpenTofu/Terraform module: the same as the script's, with and without a lease; and the values that
// it refuses.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { userData } from "../../scripts/package/user_data.ts";
import type { Lease } from "../../scripts/package/user_data_lease.ts";
import { blocksOf, textOf } from "../docs/markdown.ts";
import { rendered } from "./hcl_template.ts";
import { inFolder, machineTest, shipped } from "./requirements.ts";
import { refusalOf, TOFU, TOLD, userDataWith } from "./tofu.ts";

const STORE = "etcd:https://10.0.0.1:2379,https://10.0.0.2:2379";
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
const PRIVATE = CERTIFICATE.replaceAll("CERTIFICATE", "PRIVATE KEY");
const NONE = { store: "", user: "", password: "", ca: "", cert: "", key: "" };
const OPTIONS = { IF_CHECK: "tcp://127.0.0.1:443", IF_LEASE_TTL: "30" };

/** What a user may write. */
interface Case {
  readonly exclusive?: boolean;
  readonly options?: Readonly<Record<string, string>>;
  readonly lease?: Partial<Lease>;
}

const CASES: Readonly<Record<string, Case>> = {
  "one holds": {},
  "all hold": { exclusive: false },
  "an option": { options: { IF_CHECK: "tcp://127.0.0.1:443" } },
  "an etcd without users": { lease: { store: STORE } },
  "a user and an authority": {
    lease: { store: STORE, user: "exoip", password: "correct ${horse} %{x}: #", ca: CERTIFICATE },
  },
  "a certificate without a user": { lease: { store: STORE, cert: CERTIFICATE, key: PRIVATE } },
  "everything": {
    lease: {
      store: STORE,
      user: "exoip",
      password: "correct horse",
      ca: `# two of them\n${CERTIFICATE}\n${CERTIFICATE}`,
      cert: CERTIFICATE,
      key: PRIVATE.replaceAll("PRIVATE", "EC PRIVATE"),
    },
    options: OPTIONS,
  },
};

/** What `deno task user-data` makes of it. */
function expected({ exclusive = true, options = {}, lease }: Case): string {
  return userData({
    world: "netplan",
    address: TOLD.address,
    peerGroup: "",
    apiKey: TOLD.key,
    apiSecret: TOLD.secret,
    priority: "10",
    exclusive: exclusive ? "true" : "",
    url: "https://example.com/exoip_0.5.0_amd64.deb",
    sha256: "a".repeat(64),
    options,
    lease: lease ? { ...NONE, ...lease } : null,
  });
}

/** Its variables for the module or for the template. */
function variablesOf({ exclusive = true, options = {}, lease = {} }: Case) {
  const entries = Object.entries({ ...NONE, ...lease });
  const flat = entries.map(([name, value]) => [`lease_${name}`, value]);
  return { exclusive, options, ...Object.fromEntries(flat) as Record<string, string> };
}

for (const [title, each] of Object.entries(CASES)) {
  Deno.test(`the module's user data is what the script makes: ${title}`, async () => {
    const template = await Deno.readTextFile(shipped("terraform/user-data.yaml.tftpl"));
    const text = rendered(template, {
      ...variablesOf(each),
      address: TOLD.address,
      api_key: TOLD.key,
      api_secret: TOLD.secret,
      url: "https://example.com/exoip_0.5.0_amd64.deb",
      sha256: "a".repeat(64),
    });
    assertEquals(text, expected(each));
  });

  machineTest(
    `OpenTofu makes the same user data: ${title}`,
    { tools: [TOFU] },
    () =>
      inFolder(async (folder) =>
        assertEquals(await userDataWith(folder, variablesOf(each)), expected(each))
      ),
  );
}

machineTest(
  "the module takes files as they are, with their last line's end",
  { tools: [TOFU] },
  () =>
    inFolder(async (folder) => {
      const { lease = {} } = CASES.everything ?? {};
      const files = Object.entries(lease).map(([name, text]) => {
        const file = ["ca", "cert", "key"].includes(name)
          ? `${text}\n`.replaceAll("\n", "\r\n")
          : text;
        return [name, name === "password" ? `${text}\n` : file];
      });
      const given = { ...CASES.everything, lease: Object.fromEntries(files) };
      assertEquals(
        await userDataWith(folder, variablesOf(given)),
        expected(CASES.everything ?? {}),
      );
    }),
);

/** Variables that the module refuses, with what it says. */
const WRONG: ReadonlyArray<readonly [Record<string, unknown>, string]> = [
  [{ lease_store: "https://10.0.0.1:2379" }, "Wanted etcd:https://HOST:2379[,https://...]."],
  [{ lease_store: "etcd:https://u:p@10.0.0.1:2379" }, "Wanted etcd:https://HOST:2379"],
  [{ lease_store: `${STORE}\nIF_ADDRESS=1.2.3.4` }, "Wanted etcd:https://HOST:2379"],
  [
    { lease_user: "exoip", lease_password: "x" },
    "Found another lease_ variable without lease_store",
  ],
  [{ lease_ca: CERTIFICATE }, "Found another lease_ variable without lease_store"],
  [
    { options: { IF_LEASE_TTL: "30" } },
    "Found an IF_LEASE_ variable in options without lease_store",
  ],
  [{ lease_store: STORE, exclusive: false }, "wanted exclusive = true."],
  [
    { lease_store: STORE, lease_user: "exoip" },
    "only one of lease_user and lease_password: wanted both.",
  ],
  [{ lease_store: STORE, lease_password: "secret-7" }, "only one of lease_user and lease_password"],
  [
    { lease_store: STORE, lease_cert: CERTIFICATE },
    "only one of lease_cert and lease_key: wanted both.",
  ],
  [
    { lease_store: STORE, lease_key: PRIVATE },
    "only one of lease_cert and lease_key: wanted both.",
  ],
  [
    { lease_store: STORE, lease_user: "a b", lease_password: "x" },
    "Wanted the name of a user of etcd.",
  ],
  [
    { lease_store: STORE, lease_user: "exoip", lease_password: "secret-7\n  x: y" },
    "lease_password: wanted a password on one line, in ASCII.",
  ],
  [{ lease_store: STORE, lease_ca: "ca.pem" }, "Wanted the text of a PEM file with certificates"],
  [
    { lease_store: STORE, lease_cert: PRIVATE, lease_key: PRIVATE },
    "Wanted the text of a PEM file with a certificate, as from file().",
  ],
  [
    { lease_store: STORE, lease_cert: CERTIFICATE, lease_key: "secret-7" },
    "lease_key: wanted the text of a PEM file with a private key that has no password.",
  ],
  [
    { options: { IF_ADDRESS: "1.2.3.4" } },
    "Wanted variables of exoip that the module does not set",
  ],
  [{ options: { IF_CA_FILE: "/x" } }, "Wanted variables of exoip that the module does not set"],
  [{ options: { "IF_A\nIF_B": "x" } }, "Wanted variables of exoip that the module does not set"],
  [{ options: { IF_CHECK: "exec:a b" } }, "Wanted values of one word."],
];

for (const [variables, message] of WRONG) {
  machineTest(
    `the module refuses ${JSON.stringify(variables)}`,
    { tools: [TOFU] },
    () =>
      inFolder(async (folder) => {
        const said = await refusalOf(folder, variables);
        assertStringIncludes(said, message);
        // What is sensitive is not in a message.
        assert(!said.includes("secret-7"), said);
      }),
  );
}

Deno.test("the page about the module shows a lease with variables that it has", async () => {
  const declared = await Deno.readTextFile(shipped("terraform/variables.tf"));
  const [, lease = ""] = blocksOf(textOf("docs/set-up/terraform.md"), "hcl");
  const used = [...lease.matchAll(/^ *(\w+) += /gm)].map(([, name]) => name);
  assertEquals(used.filter((name) => !declared.includes(`variable "${name}"`)), []);
  assert(used.includes("lease_store") && used.includes("lease_password"));
});
