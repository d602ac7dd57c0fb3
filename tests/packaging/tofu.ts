// The user data of the module as OpenTofu or Terraform makes it, without the provider.
import { hasTool, mustRun, put, runTool, shipped } from "./requirements.ts";

/** The program that is installed. */
export const PROGRAM: string = ["tofu", "terraform"].find(hasTool) ?? "tofu";
export const TOFU = `${PROGRAM} (built from github.com/opentofu/opentofu)`;

/** What the cloud would tell the module. */
export const TOLD = { address: "198.51.100.50", key: "EXOkey", secret: "LZsecret" } as const;
/** Variables without a default. */
const REQUIRED = {
  zone: "ch-gva-2",
  template_id: "11111111-2222-4333-8444-555555555555",
  package_url: "https://example.com/exoip_0.5.0_amd64.deb",
  package_sha256: "a".repeat(64),
} as const;

/**
 * A module with the variables of ours, whose only output is the pool's user data, under the pool's own conditions: those
 * need neither the provider nor the cloud.
 */
async function furnish(folder: string, variables: unknown): Promise<void> {
  const text = await Deno.readTextFile(shipped("terraform/main.tf"));
  const [, call = ""] = /^ {2}user_data = (templatefile\([^]*?^ {2}\}\))$/m.exec(text) ?? [];
  const conditions = [...text.matchAll(/^ {4}precondition \{\n[^]*?^ {4}\}$/gm)].map(([each]) =>
    each
  );
  const value = call.replace("exoscale_elastic_ip.this.ip_address", `"${TOLD.address}"`)
    .replace("exoscale_iam_api_key.this.key", `"${TOLD.key}"`)
    .replace("exoscale_iam_api_key.this.secret", `sensitive("${TOLD.secret}")`);
  const output = ["  sensitive = true", `  value = ${value}`, ...conditions].join("\n");
  await put(`${folder}/main.tf`, `output "text" {\n${output}\n}\n`);
  for (const name of ["variables.tf", "user-data.yaml.tftpl"]) {
    await Deno.copyFile(shipped(`terraform/${name}`), `${folder}/${name}`);
  }
  await put(
    `${folder}/terraform.tfvars.json`,
    JSON.stringify({ ...REQUIRED, ...variables as object }),
  );
  await put(`${folder}/rc`, "");
}

const run = (folder: string, ...args: string[]) =>
  [[PROGRAM, `-chdir=${folder}`, ...args], {
    env: { TF_CLI_CONFIG_FILE: `${folder}/rc`, TF_IN_AUTOMATION: "1" },
  }] as const;

/** The user data with these variables. */
export async function userDataWith(folder: string, variables: unknown): Promise<string> {
  await furnish(folder, variables);
  await mustRun(...run(folder, "init", "-no-color"));
  await mustRun(...run(folder, "apply", "-auto-approve", "-no-color"));
  return await mustRun(...run(folder, "output", "-raw", "text"));
}

/** All that is said of variables that must be refused, on one line. */
export async function refusalOf(folder: string, variables: unknown): Promise<string> {
  await furnish(folder, variables);
  await mustRun(...run(folder, "init", "-no-color"));
  const { code, text } = await runTool(...run(folder, "plan", "-no-color"));
  if (code === 0) throw new Error(`accepted: ${JSON.stringify(variables)}`);
  return text.replace(/[\s│╷╵]+/g, " ");
}
