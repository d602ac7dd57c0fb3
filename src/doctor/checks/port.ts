// Can this process bind the heartbeat port?
import { hostText } from "../../core/ip.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result } from "../result.ts";

/** The check. */
export async function checkPort(context: Context): Promise<Result[]> {
  const { hostname, port } = context.config.listen;
  const place = `UDP ${hostText(hostname)}:${port}`;
  const state = await context.port();
  if (state.kind === "free") return [ok(`${place} is free`)];
  if (state.kind === "watchdog") return [ok(`${place}: a watchdog runs here already and answers`)];
  return [fail(`${place}: cannot bind: ${state.reason}${state.cure}`)];
}
