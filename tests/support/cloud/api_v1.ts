// CloudStack (API v1) over the same model: signed queries, envelopes, pages, jobs.
import { createHmac } from "node:crypto";
import { credentialsOf, isPast, json } from "./api_v2.ts";
import { type CloudModel, type SimInstance, type SimState, simUuid } from "./model.ts";

/** The same states, as CloudStack names them. */
const STATES: Readonly<Record<SimState, string>> = {
  running: "Running",
  starting: "Starting",
  stopping: "Stopping",
  stopped: "Stopped",
  migrating: "Migrating",
  error: "Error",
  destroying: "Destroyed",
  destroyed: "Expunging",
  expunging: "Expunging",
};

/** Answers one request to `/compute`. */
export function answerV1(model: CloudModel, request: Request, wallMs: number): Response {
  const query = new URL(request.url).searchParams;
  const command = query.get("command") ?? "";
  const envelope = command === "addIpToNic"
    ? "addiptovmnicresponse"
    : `${command.toLowerCase()}response`;
  const wrapped = (content: object, status = 200) => json({ [envelope]: content }, status);
  const refused = (errorcode: number, errortext: string) =>
    wrapped({ uuidList: [], errorcode, cserrorcode: 9999, errortext }, errorcode);
  const expiresMs = Date.parse((query.get("expires") ?? "").replace(/\+0000$/, "Z"));
  const expired = isPast(expiresMs, wallMs);
  // CloudStack's words are the same for both.
  if (expired || !signedRight(query, credentialsOf(model))) {
    return refused(401, "unable to verify user credentials and/or request signature");
  }
  if (model.deniedCommands.has(command)) {
    const text = `The given command ${command} does not exist or is not available for user`;
    return refused(432, text);
  }
  switch (command) {
    case "listSecurityGroups":
      return wrapped(groups(model));
    case "listVirtualMachines":
      return wrapped(machines(model, query));
    case "addIpToNic": {
      const instance = [...model.instances.values()].find(({ nicId }) =>
        nicId === query.get("nicid")
      );
      const address = [...model.addresses.values()].find(({ ip }) => ip === query.get("ipaddress"));
      if (!instance || !address) return refused(431, "unable to find NIC or address");
      if (address.holders.has(instance.id)) return refused(431, "address already on this NIC");
      return wrapped({ jobid: model.begin("attach", address, instance.id).id });
    }
    case "removeIpFromNic": {
      for (const address of model.addresses.values()) {
        for (const holder of address.holders) {
          if (secondaryId(address.id, holder) === query.get("id")) {
            return wrapped({ jobid: model.begin("detach", address, holder).id });
          }
        }
      }
      return refused(431, "unable to find secondary address");
    }
    case "queryAsyncJobResult": {
      const job = model.operations.get(query.get("jobid") ?? "");
      if (!job) return refused(431, "unable to find job");
      const jobstatus = { pending: 0, success: 1, failure: 2 }[job.state];
      const failed = { errorcode: 530, cserrorcode: 9999, errortext: job.reason };
      const jobresult = job.state === "failure" ? failed : { success: true };
      return wrapped({ jobid: job.id, jobstatus, jobresult });
    }
    default:
      return refused(432, `unknown command ${command}`);
  }
}

function groups(model: CloudModel) {
  const rulesOf = (name: string, direction: string) =>
    (model.rules.get(name) ?? []).filter((rule) => rule.direction === direction)
      .map(({ protocol, ports, network, group }, index) => ({
        ruleid: simUuid(7, index + 1),
        protocol,
        startport: ports[0],
        endport: ports[1],
        ...(network !== undefined && { cidr: network }),
        ...(group !== undefined && { securitygroupname: group, account: "exoip" }),
      }));
  const securitygroup = [...model.groups].map(([name, id]) => ({
    id,
    name,
    ingressrule: rulesOf(name, "ingress"),
    egressrule: rulesOf(name, "egress"),
  }));
  return { count: securitygroup.length, securitygroup };
}

function machines(model: CloudModel, query: URLSearchParams) {
  const page = Number(query.get("page") ?? 1), size = Number(query.get("pagesize") ?? 50);
  const wanted = (name: string, value: string) => [null, value].includes(query.get(name));
  const all = [...model.instances.values()].filter((instance) =>
    instance.state !== "destroyed" && wanted("id", instance.id) &&
    wanted("ipaddress", instance.address) && wanted("zoneid", model.zoneId)
  );
  const inPeerList = all.slice((page - 1) * size, page * size);
  return {
    count: all.length,
    virtualmachine: inPeerList.map((instance) => machineJson(model, instance)),
  };
}

function machineJson(model: CloudModel, instance: SimInstance) {
  const { id, nicId, address, name, state, groups, labels } = instance;
  const held = [...model.addresses.values()].filter(({ holders }) => holders.has(id));
  const secondaryip = held.map(({ id: addressId, ip }) => ({
    id: secondaryId(addressId, id),
    ipaddress: ip,
    nicid: nicId,
  }));
  return {
    id,
    name,
    zoneid: model.zoneId,
    state: STATES[state],
    ...(model.hasTags && {
      tags: Object.entries(labels).map(([key, value]) => ({ key, value })),
    }),
    securitygroup: groups.map((group) => ({ id: model.groups.get(group), name: group })),
    nic: [{ id: nicId, isdefault: true, ipaddress: address, secondaryip }],
  };
}

function secondaryId(addressId: string, instanceId: string): string {
  return simUuid(6, parseInt(addressId.slice(-4), 16) * 65536 + parseInt(instanceId.slice(-4), 16));
}

function signedRight(
  query: URLSearchParams,
  { apiKey, secret }: { apiKey: string; secret: string },
): boolean {
  const parameters = [...query].filter(([name]) => name !== "signature").sort(([a], [b]) =>
    a < b ? -1 : 1
  );
  const message = parameters
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("*", "%2a")}`)
    .join("&").toLowerCase();
  const expected = createHmac("sha1", secret).update(message).digest("base64");
  return query.get("signature") === expected && query.get("apikey") === apiKey;
}
