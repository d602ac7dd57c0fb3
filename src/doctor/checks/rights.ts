// Is the key valid, and may it do what the configuration needs? What would change something is tried on an instance
// that does not exist. That no refusal comes proves little: in which order the API looks at role and instance is
// documented nowhere.
import { asCloudError, type CloudError } from "../../exoscale/cloud_error.ts";
import type { Context } from "../context.ts";
import { fail, NotKnown, ok, type Result, skip, warn } from "../result.ts";
import type { Purpose, Right } from "../inventory.ts";
import { answered } from "./connectivity.ts";

const UNPROVEN = "not refused for an instance that does not exist, which only a change would prove";

/** How one attempt ended. */
type Outcome =
  | {
    readonly kind: "allowed" | "not-refused" | "denied" | "unknown" | "elsewhere";
    readonly said: string;
  }
  | { readonly kind: "bad-key"; readonly said: string };

/** The check. */
export async function checkRights(context: Context, signal: AbortSignal): Promise<Result[]> {
  const { inventory } = await context.reach(signal);
  const silence = await answered(context, signal).then(() => null, asCloudError);
  // Why is told by the check of the way there.
  if (silence) throw new NotKnown(`what the key may is not known: ${silence.kind}`);
  const rights = inventory.rights(await purposeOf(context, signal));
  const outcomes = await Promise.all(rights.map((right) => attempt(right, signal)));
  const bad = outcomes.find(({ kind }) => kind === "bad-key");
  if (bad) return [fail(`key or secret is not accepted: check -xk and -xs (${bad.said})`)];
  const tried = rights.map((right, index) => [right, outcomes[index]] as const);
  const of = (wanted: Outcome["kind"]) => tried.filter(([, outcome]) => outcome?.kind === wanted);
  const names = (wanted: Outcome["kind"]) => of(wanted).map(([right]) => right.operation);
  const allowed = names("allowed"), unproven = names("not-refused"), untried = names("elsewhere");
  return [
    ...(allowed.length > 0 ? [ok(`the key may ${allowed.join(", ")}`)] : []),
    ...of("denied").map(([right, outcome]) => deniedText(right, outcome?.said ?? "")),
    ...(unproven.length === 0 ? [] : [
      skip(`${unproven.join(", ")}: ${UNPROVEN}`),
    ]),
    ...(untried.length === 0 ? [] : [
      skip(`${untried.join(", ")}: not tried without the Elastic IP`),
    ]),
    ...of("unknown").map(([right, outcome]) => unknownText(right, outcome?.said ?? "")),
  ];
}

async function purposeOf(context: Context, signal: AbortSignal): Promise<Purpose> {
  const { mode, peers } = context.config;
  const watches = mode === "watchdog";
  return {
    watches,
    attaches: watches || mode === "associate",
    detaches: watches || mode === "dissociate",
    byGroup: watches && peers.kind === "groups",
    selfId: await context.instanceId(signal),
    elasticIps: await context.elasticIps(signal),
  };
}

async function attempt(right: Right, signal: AbortSignal): Promise<Outcome> {
  try {
    await right.ask(signal);
    return { kind: "allowed", said: "" };
  } catch (cause) {
    const error = asCloudError(cause);
    return { kind: kindOf(error, right), said: error.message };
  }
}

function kindOf({ kind, status, message }: CloudError, { changes }: Right): Outcome["kind"] {
  switch (kind) {
    case "unauthorized":
      // CloudStack gives the same code for a command that is not allowed.
      return /user credentials|signature|expired|api ?key/i.test(message) ? "bad-key" : "denied";
    case "forbidden":
      return /signature|api key|credential|expired/i.test(message) ? "bad-key" : "denied";
    case "clock-late":
      return "bad-key";
    case "not-found":
      return changes ? "not-refused" : "allowed";
    case "refused":
      if (status === UNSUPPORTED) return "denied";
      return changes ? "not-refused" : "allowed";
    case "conflict":
    case "operation-failed":
      return changes ? "allowed" : "unknown";
    case "no-such-address":
      return "elsewhere";
    default:
      return "unknown";
  }
}

/** CloudStack's code for a command that the user may not use (ApiErrorCode, UNSUPPORTED_ACTION_ERROR). */
const UNSUPPORTED = 432;

function deniedText({ operation, loss }: Right, said: string): Result {
  if (loss !== null) return warn(`the key may not ${operation}: ${loss}`);
  return fail(
    `the key may not ${operation}: allow it in the key's role, see --print-iam-policy, and in the ` +
      `policy of the organisation, which counts for every role (${said})`,
  );
}

function unknownText({ operation, loss }: Right, said: string): Result {
  return loss === null
    ? fail(`${operation} gets no answer that tells: try again later (${said})`)
    : skip(`${operation}: ${said}`);
}
