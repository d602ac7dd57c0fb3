// The published schema of --status --json and /status.json.
import type { Schema } from "./json_schema.ts";

const FILE = new URL("../../scripts/package/monitoring/exoip-status.schema.json", import.meta.url);

/** Its content. */
export const STATUS_SCHEMA: Schema = JSON.parse(Deno.readTextFileSync(FILE));
