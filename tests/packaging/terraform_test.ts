// The OpenTofu/Terraform module: well-formed, valid for the provider, with the policy of the program.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { blocksOf, textOf } from "../docs/markdown.ts";
import { ExoipProcess } from "../support/process.ts";
import { inFolder, machineTest, mustRun, put, runTool, shipped } from "./requirements.ts";
import { PROGRAM, TOFU } from "./tofu.ts";
import type { Node } from "./yaml.ts";

const MODULE = shipped("terraform");
const FILES = ["main.tf", "outputs.tf", "variables.tf", "versions.tf"];
const HCL = { tools: ["python3 (python3)", "hcl2tojson (python-hcl2 of PyPI)"] };
const PROVIDER = "terraform-provider-exoscale (built from github.com/exoscale)";

/** A file of the module, as python-hcl2 reads it, without the quotes that it keeps around texts. */
async function read(name: string): Promise<Node> {
  const text = await mustRun(["sh", "-c", 'hcl2tojson "$0" 2>/dev/null', `${MODULE}/${name}`]);
  return JSON.parse(
    text,
    (_, value) => typeof value === "string" ? value.replace(/^"(.*)"$/s, "$1") : value,
  );
}

/** A key as python-hcl2 gives it, with or without quotes. */
const named = (block: Node, name: string): Node => block?.[name] ?? block?.[`"${name}"`];

/** The only resource of that type. */
function resource(main: Node, type: string): Node {
  const found = main.resource.map((each: Node) => named(each, type)).filter(Boolean);
  assertEquals(found.length, 1, type);
  return Object.values(found[0])[0];
}

machineTest("the module's role has the policy that exoip prints", HCL, async () => {
  const address = "198.51.100.50";
  const printed = new ExoipProcess(["--print-iam-policy", "-W", "-xi", address]);
  assertEquals(await printed.ended(), 0, printed.output);
  const lines = printed.lines.map(({ text }) => text).filter((text) => /^[ {}]/.test(text));
  const policy = JSON.parse(lines.join("\n"));
  const { policy: ours } = resource(await read("main.tf"), "exoscale_iam_role");
  assertEquals(ours.default_service_strategy, policy["default-service-strategy"]);
  const text = JSON.stringify(ours.services)
    .replaceAll("${exoscale_elastic_ip.this.ip_address}", address);
  assertEquals(JSON.parse(text), policy.services);
});

machineTest(
  "the module moves no address itself, and admits heartbeats of its own group only",
  HCL,
  async () => {
    const main = await read("main.tf");
    const pool = resource(main, "exoscale_instance_pool");
    assertEquals(pool.elastic_ip_ids, undefined);
    assertMatch(JSON.stringify(pool.lifecycle), /"ignore_changes":\["(\$\{)?elastic_ip_ids/);
    assertEquals(resource(main, "exoscale_elastic_ip").healthcheck, undefined);
    const rule = resource(main, "exoscale_security_group_rule");
    assertEquals([rule.protocol, rule.start_port, rule.end_port], ["UDP", 12345, 12345]);
    assertEquals(rule.user_security_group_id, rule.security_group_id);
  },
);

machineTest("every file of the module is well-formed", HCL, async () => {
  for (const name of FILES) await read(name);
  const { code } = await runTool(["hcl2tojson", `${MODULE}/user-data.yaml.tftpl`]);
  assert(code !== 0, "the reader refuses other files");
});

Deno.test("the page about the module shows variables that it has", async () => {
  const declared = await Deno.readTextFile(`${MODULE}/variables.tf`);
  const [example = ""] = blocksOf(textOf("docs/set-up/terraform.md"), "hcl");
  const used = [...example.matchAll(/^ {2}(\w+) += /gm)].map(([, name]) => name);
  assert(used.length >= 5);
  const known = [...declared.matchAll(/^variable "(\w+)"/gm)].map(([, name]) => name);
  assertEquals(used.filter((name) => name !== "source" && !known.includes(name)), []);
  // Those without a default are in the example.
  const required = declared.split(/^(?=variable)/m).filter((each) => !/default +=/.test(each))
    .flatMap((each) => /^variable "(\w+)"/.exec(each)?.[1] ?? []);
  assertEquals(required.filter((name) => !used.includes(name)), []);
});

machineTest(
  "OpenTofu formats the module as it is",
  { tools: [TOFU] },
  () =>
    inFolder(async (folder) => {
      await put(`${folder}/rc`, "");
      const env = { TF_CLI_CONFIG_FILE: `${folder}/rc` };
      await mustRun([PROGRAM, "fmt", "-check", "-diff", MODULE], { env });
    }),
);

machineTest(
  "the provider accepts the module",
  { tools: [TOFU, PROVIDER] },
  () =>
    inFolder(async (folder) => {
      const provider = (await mustRun(["sh", "-c", "command -v terraform-provider-exoscale"]))
        .trim();
      const override = `"exoscale/exoscale" = "${provider.replace(/\/[^/]*$/, "")}"`;
      const rest = "  direct {}\n";
      await put(
        `${folder}/rc`,
        `provider_installation {\n  dev_overrides {\n    ${override}\n  }\n${rest}}\n`,
      );
      const env = { TF_CLI_CONFIG_FILE: `${folder}/rc` };
      await mustRun(["cp", "-r", MODULE, `${folder}/module`]);
      const validate = () =>
        runTool([PROGRAM, `-chdir=${folder}/module`, "validate", "-no-color"], { env });
      const { code, text } = await validate();
      assertEquals(code, 0, text);
      const main = `${folder}/module/main.tf`;
      await put(main, (await Deno.readTextFile(main)).replace("start_port ", "first_port "));
      assertMatch((await validate()).text, /first_port/);
    }),
);
