// Is the key valid, and does it allow what the configuration needs? Changes are tried on an instance that does not
// exist. If none is refused, that proves little: the order in which the API checks role and instance is undocumented.
import { asCloudError, type CloudError } from "../../exoscale/cloud_error.ts";
import { networkReadings } from "../../exoscale/iam_policy.ts";
import type { Context } from "../context.ts";
import { fail, NotKnown, ok, type Result, skip, warn } from "../result.ts";
import type { Purpose, Right } from "../inventory.ts";
import { answered } from "../answered.ts";

const UNPROVEN = "the cloud did not refuse them for an instance that does not exist, " +
  "and only a real change would prove more";

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
  // The check of the connection reports why.
  if (silence) throw new NotKnown("the cloud, see cloud");
  const rights = inventory.rights(await purposeOf(context, signal));
  const outcomes = await Promise.all(rights.map((right) => attempt(right, signal)));
  const bad = outcomes.find(({ kind }) => kind === "bad-key");
  if (bad) return [fail("key or secret is not accepted: check -xk and -xs", bad.said)];
  const tried = rights.map((right, index) => [right, outcomes[index]] as const);
  const of = (wanted: Outcome["kind"]) => tried.filter(([, outcome]) => outcome?.kind === wanted);
  const names = (wanted: Outcome["kind"]) => of(wanted).map(([right]) => right.operation);
  const allowed = names("allowed"), unproven = names("not-refused"), untried = names("elsewhere");
  return [
    ...(allowed.length > 0 ? [ok(`the key may ${allowed.join(", ")}`)] : []),
    ...deniedTexts(of("denied").map(([right, outcome]) => [right, outcome?.said ?? ""])),
    ...(unproven.length === 0 ? [] : [skip(`not proved: ${unproven.join(", ")}`, UNPROVEN)]),
    ...(untried.length === 0 ? [] : [
      skip(`skipped: needs the Elastic IP, see address: ${untried.join(", ")}`),
    ]),
    ...of("unknown").map(([right, outcome]) => unknownText(right, outcome?.said ?? "")),
  ];
}

async function purposeOf(context: Context, signal: AbortSignal): Promise<Purpose> {
  const { mode, peers, shadow, heartbeatNetworks } = context.config;
  const watches = mode === "watchdog", moves = watches && !shadow;
  return {
    watches,
    attaches: moves || mode === "associate",
    detaches: moves || mode === "dissociate",
    networkReadings: watches ? networkReadings({ peers, heartbeatNetworks }) : [],
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
      // CloudStack uses the same code for a command that is not allowed.
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

/**
 * The missing rights: one failure for all that are essential, and one line for each optional one, with what is lost.
 */
function deniedTexts(denied: readonly (readonly [Right, said: string])[]): Result[] {
  const vital = denied.filter(([{ loss }]) => loss === null);
  const names = vital.map(([{ operation }]) => operation).join(", ");
  const what = `the key may not ${names}: allow it in the key's role and in the policy of the ` +
    "organisation";
  const cure = "exoip --print-iam-policy prints the role; the policy counts for every role";
  return [
    ...(vital.length === 0 ? [] : [fail(what, cure, ...new Set(vital.map(([, said]) => said)))]),
    ...denied.flatMap(([{ operation, loss }]) =>
      loss === null ? [] : [warn(`the key may not ${operation}: ${loss}`)]
    ),
  ];
}

function unknownText({ operation, loss }: Right, said: string): Result {
  return loss === null
    ? fail(`the cloud has no clear answer to ${operation}: try again later`, said)
    : skip(`skipped: no clear answer to ${operation}`, said);
}
