// --listen-status: can this process bind that port?
import { nameOf } from "../../config/config.ts";
import { hostText } from "../../core/ip.ts";
import { messageOf } from "../../core/message_of.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result, skip } from "../result.ts";

/** The check: listens there for a moment. */
export async function checkStatusPort(context: Context): Promise<Result[]> {
  const { config: { listenStatus }, host } = context;
  if (listenStatus === null) return [];
  const place = `TCP ${hostText(listenStatus.hostname)}:${listenStatus.port}`;
  if ((await context.port()).kind === "watchdog") {
    return [skip(`${place}: a watchdog runs here already, which may have it`)];
  }
  try {
    await host.serveStatus(listenStatus, () => new Response(null, { status: 503 })).close();
    return [ok(`${place} is free`)];
  } catch (cause) {
    const reason = messageOf(cause);
    const cure = `stop who has it (ss -ltnp), or give another with ${nameOf("listen-status")}`;
    return [fail(`${place}: cannot bind: ${reason}: ${cure}`)];
  }
}
