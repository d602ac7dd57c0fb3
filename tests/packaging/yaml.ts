// YAML, read by PyYAML, which comes with kubernetes-validate and with Ansible.
import { mustRun } from "./requirements.ts";

/** A node of a document that a test looks into. */
// deno-lint-ignore no-explicit-any
export type Node = any;

const READ = "import json, sys, yaml\n" +
  "print(json.dumps([each for each in yaml.safe_load_all(open(sys.argv[1])) if each]))";

/** All documents of a file. */
export async function yamlDocuments(path: string): Promise<Node[]> {
  return JSON.parse(await mustRun(["python3", "-c", READ, path]));
}
