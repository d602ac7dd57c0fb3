// The published schema of --status --json and /status.json.
import type { Schema } from "./json_schema.ts";

const FILE = new URL("../../scripts/package/monitoring/exoip-status.schema.json", import.meta.url);

/** Its content. */
export const STATUS_SCHEMA: Schema = JSON.parse(Deno.readTextFileSync(FILE));

const HISTORY_FILE = new URL("exoip-history.schema.json", FILE);

/** The published schema of --history --json and /history.json. */
export const HISTORY_SCHEMA: Schema = JSON.parse(Deno.readTextFileSync(HISTORY_FILE));
