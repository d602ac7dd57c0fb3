// API v2 as the real one behaves: summaries in lists, unknown filters silently ignored, signatures and their expiry
// verified (with an implementation of its own), operations that end later.
import { createHmac } from "node:crypto";
import { networkOf } from "../../../src/core/ip.ts";
import { allows, operationOf } from "./role.ts";
import {
  type CloudModel,
  type SimAddress,
  type SimInstance,
  type SimNetwork,
  type SimOperation,
  simUuid,
} from "./model.ts";

const TYPE_ID = simUuid(6, 1), TEMPLATE_ID = simUuid(6, 2);
const INSTANCE_TYPE = { id: TYPE_ID, family: "standard", size: "micro", cpus: 1, memory: 2 ** 30 };
/** Fields that only an answer about one instance has; official clients use some of them unchecked. */
const DETAILS = {
  "anti-affinity-groups": [],
  "disk-size": 10,
  "secureboot-enabled": false,
  snapshots: [],
  "tpm-enabled": false,
};
/** States in which a change is answered as if the instance did not exist. */
const GONE = ["destroyed", "expunging"];

/** Id of a group that the model does not list. */
const NEW_GROUP = "00000004-0000-4000-8000-0000000000ff";

/** Credentials that the simulated cloud accepts. */
export const SIM_KEY = "EXOsimulated0000000000000000",
  SIM_SECRET = "simulated-secret-for-tests-only";

/** Answers one request below `/v2`. `wallMs` is the server's clock. */
export async function answerV2(
  model: CloudModel,
  request: Request,
  wallMs: number,
): Promise<Response> {
  const answer = await answerUsually(model, request, wallMs);
  if (answer.status < 400 || !model.problemDetails) return answer;
  const { message, errors } = await answer.json();
  const details = (errors ?? []).map((each: { message: string }) => ({
    detail: each.message,
    location: "body",
  }));
  const problem = { title: `Status ${answer.status}`, status: answer.status, detail: message };
  return json({ ...problem, errors: details }, answer.status);
}

async function answerUsually(
  model: CloudModel,
  request: Request,
  wallMs: number,
): Promise<Response> {
  const url = new URL(request.url);
  const path = url.pathname.replace(/^\/v2/, "");
  if (path === "/zone") {
    const others = model.otherZones.map(({ name, endpoint }) => ({
      name,
      "api-endpoint": endpoint,
    }));
    const own = { name: model.zone, "api-endpoint": `${url.origin}/v2`, id: model.zoneId };
    return json({ zones: [...others, own] });
  }
  const body = await request.text();
  const refused = verify(request, body, { wallMs, ...credentialsOf(model) });
  if (refused) return json({ message: refused }, 403);
  const [, collection, rest = ""] = path.split("/");
  const { role } = model;
  const asked = {
    operation: operationOf(request.method, path),
    elasticIp: collection === "elastic-ip"
      ? model.addresses.get(rest.split(":")[0] ?? "")?.ip ?? null
      : null,
  };
  if (role !== null && !allows(role, asked)) {
    model.refused();
    return json({ message: "Forbidden by role policy for compute" }, 403);
  }
  if (request.method === "PUT") return change(model, rest, body);
  if (rest === "") return list(model, collection ?? "", url.searchParams);
  return read(model, collection ?? "", rest);
}

function list(model: CloudModel, collection: string, query: URLSearchParams): Response {
  const instances = [...model.instances.values()].filter(({ state }) => state !== "destroyed");
  switch (collection) {
    case "instance": {
      const known = model.ignoresFilters ? new URLSearchParams() : query;
      const address = known.get("ip-address"), pool = known.get("manager-id");
      // The real API compares text.
      const asked = [...model.addresses.values()].find(({ ip }) => ip === address);
      const holders = asked && model.shownHolders(asked);
      const inPeerList = instances.filter((instance) =>
        (address === null || instance.address === address || holders?.has(instance.id)) &&
        (pool === null || instance.poolId === pool)
      );
      return json({ instances: inPeerList.map((instance) => summary(model, instance)) });
    }
    case "elastic-ip":
      return json({ "elastic-ips": [...model.addresses.values()].map(addressJson) });
    case "private-network":
      return json({ "private-networks": [...model.networks.values()].map(networkJson) });
    case "security-group": {
      const groups = [...model.groups.keys()].map((name) => groupJson(model, name));
      return json({ "security-groups": groups });
    }
    default:
      return json({ message: "Not found" }, 404);
  }
}

function read(model: CloudModel, collection: string, id: string): Response {
  if (collection === "instance") {
    const instance = model.instances.get(id);
    if (!instance || instance.state === "destroyed") {
      return json({ message: "Instance not found." }, 404);
    }
    const all = [...model.addresses.values()];
    const held = all.filter((address) => model.shownHolders(address).has(id));
    const elasticIps = held.map((address) => ({ id: address.id, ip: address.ip }));
    return json({ ...summary(model, instance), ...DETAILS, "elastic-ips": elasticIps });
  }
  // The `exo` CLI requests these for each instance that it shows.
  if (collection === "instance-type" && id === TYPE_ID) return json(INSTANCE_TYPE);
  if (collection === "template" && id === TEMPLATE_ID) return json({ id, name: "Linux" });
  const eip = collection === "elastic-ip" ? model.addresses.get(id) : undefined;
  if (eip) return json(addressJson(eip));
  const network = collection === "private-network" ? model.networks.get(id) : undefined;
  if (network) return json(networkJson(network));
  const group = collection === "security-group"
    ? [...model.groups].find(([, each]) => each === id)
    : undefined;
  if (group) return json(groupJson(model, group[0]));
  const operation = collection === "operation" ? model.operations.get(id) : undefined;
  if (operation) return json(operationJson(operation));
  const pool = collection === "instance-pool" ? model.pools.get(id) : undefined;
  if (pool) {
    const nodepool = model.nodepools.get(id);
    return json({
      id,
      name: "pool",
      "elastic-ips": pool.map((address) => ({ id: address })),
      ...(nodepool && { manager: { id: nodepool, type: "sks-nodepool" } }),
    });
  }
  return json({ message: "Not found" }, 404);
}

function change(model: CloudModel, target: string, body: string): Response {
  const [id = "", verb] = target.split(":");
  const address = model.addresses.get(id);
  const instanceId = JSON.parse(body)?.instance?.id;
  if (!address || !model.instances.has(instanceId)) return json({ message: "Not found" }, 404);
  if (verb !== "attach" && verb !== "detach") return json({ message: "Unknown verb" }, 400);
  const state = model.instances.get(instanceId)?.state ?? "destroyed";
  if (GONE.includes(state)) return json({ message: "Not found" }, 404);
  if (verb === "attach" && state === "starting") {
    // Known behaviour: karpenter-provider-exoscale repeats this for 30 s.
    const errors = [{ message: "instance is starting" }];
    return json({ message: "Bad request", errors }, 400);
  }
  // Unknown behaviour, therefore allowed: the real cloud's answer to an attach to an instance that is stopping,
  // stopped, migrating, in error or private, or of an Elastic IPv6 to one without IPv6; to a second attach to the same
  // instance; and to a change of an Elastic IP with another pending operation.
  if (verb === "detach" && !address.holders.has(instanceId)) {
    return json({ message: "Elastic IP is not attached" }, 404);
  }
  return json(operationJson(model.begin(verb, address, instanceId)));
}

function summary(model: CloudModel, instance: SimInstance) {
  const isLong = instance.address.includes(":");
  const isPrivate = ["", "0.0.0.0"].includes(instance.address);
  return {
    id: instance.id,
    name: instance.name,
    "instance-type": { id: TYPE_ID },
    template: { id: TEMPLATE_ID },
    "mac-address": `0a:00:00:00:00:${instance.id.slice(-2)}`,
    "ssh-keys": [],
    state: instance.state,
    "created-at": "2026-03-01T08:15:30Z",
    ...(instance.address && { [isLong ? "ipv6-address" : "public-ip"]: instance.address }),
    ...(instance.ipv6 && { "ipv6-address": instance.ipv6 }),
    "public-ip-assignment": isPrivate
      ? "none"
      : isLong || instance.dual || instance.ipv6
      ? "dual"
      : "inet4",
    labels: instance.labels,
    "security-groups": instance.groups.map((name) => ({
      id: model.groups.get(name) ?? NEW_GROUP,
    })),
    "private-networks": [...model.networks.values()].filter(({ attached }) =>
      attached.has(instance.id)
    )
      .map(({ id }) => ({ id, "mac-address": `0a:00:00:00:01:${instance.id.slice(-2)}` })),
    ...(instance.poolId && { manager: { id: instance.poolId, type: instance.managerType } }),
  };
}

function addressJson({ id, ip, managed, description, labels }: SimAddress) {
  return {
    id,
    ip,
    addressfamily: ip.includes(":") ? "inet6" : "inet4",
    cidr: networkOf(ip),
    labels,
    ...(description && { description }),
    ...(managed && { healthcheck: { mode: "tcp", port: 80 } }),
  };
}

/** A range only if it has a DHCP server, leases only if there are some. */
function networkJson({ id, name, managed, leases }: SimNetwork) {
  const range = { "start-ip": "10.0.0.50", "end-ip": "10.0.0.250", netmask: "255.255.255.0" };
  const list = [...leases].map(([instanceId, ip]) => ({ ip, "instance-id": instanceId }));
  return {
    id,
    name,
    description: "",
    labels: {},
    options: {},
    ...(managed && range),
    ...(list.length > 0 && { leases: list }),
  };
}

/** Empty rules and external sources are left out. */
function groupJson(model: CloudModel, name: string) {
  const rules = (model.rules.get(name) ?? []).map((rule, index) => ({
    id: simUuid(7, index + 1),
    "flow-direction": rule.direction,
    protocol: rule.protocol,
    "start-port": rule.ports[0],
    "end-port": rule.ports[1],
    ...(rule.network !== undefined && { network: rule.network }),
    ...(rule.group !== undefined && {
      "security-group": { id: model.groups.get(rule.group), name: rule.group },
    }),
  }));
  const external = model.externalSources.get(name) ?? [];
  return {
    id: model.groups.get(name),
    name,
    visibility: "private",
    ...(rules.length > 0 && { rules }),
    ...(external.length > 0 && { "external-sources": external }),
  };
}

function operationJson({ id, state, reason, addressId }: SimOperation) {
  const reference = {
    id: addressId,
    command: "get-elastic-ip",
    socket: `/v2/elastic-ip/${addressId}`,
  };
  const failed = state === "failure" && { reason, message: `failed: ${reason}` };
  return { id, state, reference, ...failed };
}

/** The credentials that the cloud accepts now. */
export function credentialsOf({ credentials }: CloudModel): { apiKey: string; secret: string } {
  return credentials ?? { apiKey: SIM_KEY, secret: SIM_SECRET };
}

/** Why the request is refused, null when its signature is valid and has not expired. */
function verify(
  request: Request,
  body: string,
  { wallMs, apiKey, secret }: { wallMs: number; apiKey: string; secret: string },
): string | null {
  const header = request.headers.get("authorization") ?? "";
  const [scheme, list = ""] = header.split(" ");
  const parts = new Map(
    list.split(",").map((part) => {
      const at = part.indexOf("=");
      return [part.slice(0, at), part.slice(at + 1)];
    }),
  );
  if (scheme !== "EXO2-HMAC-SHA256" || parts.get("credential") !== apiKey) {
    return "Invalid API key";
  }
  const url = new URL(request.url);
  const signed = (parts.get("signed-query-args") ?? "").split(";").filter(Boolean);
  const values = signed.map((name) => url.searchParams.get(name)).join("");
  const expires = parts.get("expires") ?? "";
  const message = `${request.method} ${url.pathname}\n${body}\n${values}\n\n${expires}`;
  const signature = createHmac("sha256", secret).update(message).digest("base64");
  const complete = [...url.searchParams.keys()].every((name) => signed.includes(name));
  if (!complete || signature !== parts.get("signature")) return "Invalid request signature";
  return isPast(Number(expires) * 1000, wallMs) ? "Request expired" : null;
}

/** Whether that second is over: like many programs, this cloud counts in whole ones. */
export function isPast(secondMs: number, wallMs: number): boolean {
  return secondMs + 1_000 <= wallMs;
}

/** A JSON answer. */
export function json(content: unknown, status = 200): Response {
  return new Response(JSON.stringify(content), {
    status,
    headers: { "content-type": "application/json" },
  });
}
