// The zone through API v2.
import { canonicalIp, sameElasticIp } from "../core/ip.ts";
import type { ClientV2 } from "../exoscale/client_v2.ts";
import { CloudError } from "../exoscale/cloud_error.ts";
import { type Fields, listOf, requiredListOf, textOf } from "../exoscale/json.ts";
import type { Group, Rule } from "./rules.ts";
import {
  type Inventory,
  type InventoryItem,
  NOBODY,
  once,
  type Purpose,
  type Right,
} from "./inventory.ts";

/** Apparent holders are confirmed one by one, up to this many. */
const HOLDERS_MAX = 5;
/** Most groups that are read. */
const GROUPS_MAX = 20;

/** Reads through that client. */
export function inventoryV2(client: ClientV2): Inventory {
  const list = (path: string, name: string) =>
    once(async (signal) =>
      requiredListOf(await client.get(path, signal), name, { title: `GET ${path}`, key: "id" })
    );
  const addresses = list("/elastic-ip", "elastic-ips");
  const instances = list("/instance", "instances");
  const groupList = list("/security-group", "security-groups");
  const instance = (id: string, signal: AbortSignal) => client.get(`/instance/${id}`, signal);
  const held = new Map<string, Promise<InventoryItem>>();
  const machine = (id: string, signal: AbortSignal) => {
    const asked = held.get(id) ?? instance(id, signal).then((fields) => machineOf(fields, true));
    held.set(id, asked);
    return asked;
  };
  const find = async (ip: string, signal: AbortSignal) =>
    (await addresses(signal)).find((each) => sameElasticIp(textOf(each, "ip"), ip));
  return {
    name: `API v2 at ${client.endpoint}`,
    machine,
    machines: async (signal) => (await instances(signal)).map((each) => machineOf(each, false)),
    async address(ip, signal) {
      const found = await find(ip, signal) ?? null;
      return found && {
        key: textOf(found, "id"),
        managed: Boolean(found.healthcheck),
        text: textOf(found, "ip"),
      };
    },
    known: async (signal) => (await addresses(signal)).map((each) => textOf(each, "ip")),
    async holders(ip, signal) {
      const found = await find(ip, signal);
      const key = textOf(found, "id"), text = textOf(found, "ip") || ip;
      const listed = await client.get("/instance", signal, { "ip-address": text });
      const seeming = requiredListOf(listed, "instances", { title: "GET /instance", key: "id" })
        .slice(0, HOLDERS_MAX);
      const machines = await Promise.all(seeming.map(({ id }) => machine(`${id}`, signal)));
      return machines.filter((each) => each.held?.includes(key));
    },
    async handedOutBy({ poolId }, { key }, signal) {
      if (poolId === null) return null;
      const pool = await client.get(`/instance-pool/${poolId}`, signal);
      const hands = listOf(pool, "elastic-ips", "id").some(({ id }) => id === key);
      return hands ? { id: poolId, name: textOf(pool, "name") || poolId } : null;
    },
    async groups(wanted, signal) {
      const ids = wanted.slice(0, GROUPS_MAX);
      const read = ids.map((id) => readGroup(id, { client, groupList, signal }));
      return new Map((await Promise.all(read)).map((group) => [group.key, group]));
    },
    rights: (purpose) => rightsOf(purpose, { client, addresses, instances, groupList, machine }),
  };
}

/** A role may be allowed to list groups but not to read one; lists show the rules, too. */
async function readGroup(
  id: string,
  { client, groupList, signal }: {
    client: ClientV2;
    groupList: (signal: AbortSignal) => Promise<Fields[]>;
    signal: AbortSignal;
  },
): Promise<Group> {
  try {
    return groupOf(await client.get(`/security-group/${id}`, signal));
  } catch (error) {
    if (!(error instanceof CloudError && error.kind === "forbidden")) throw error;
    const listed = (await groupList(signal)).find((group) => textOf(group, "id") === id);
    if (!listed) throw error;
    return groupOf(listed);
  }
}

function rightsOf(
  { watches, attaches, detaches, byGroup, networkReadings, selfId, elasticIps }: Purpose,
  { client, addresses, instances, groupList, machine }: {
    client: ClientV2;
    addresses: (signal: AbortSignal) => Promise<Fields[]>;
    instances: (signal: AbortSignal) => Promise<Fields[]>;
    groupList: (signal: AbortSignal) => Promise<Fields[]>;
    machine: (id: string, signal: AbortSignal) => Promise<InventoryItem>;
  },
): Right[] {
  const reads = { loss: null, changes: false };
  const change = (verb: "attach" | "detach", operation: string): Right[] =>
    elasticIps.map((ip) => ({
      operation: elasticIps.length > 1 ? `${operation} (${ip})` : operation,
      loss: null,
      changes: true,
      async ask(signal) {
        const found = (await addresses(signal)).find((each) =>
          sameElasticIp(textOf(each, "ip"), ip)
        );
        if (!found) throw new CloudError("no-such-address", `no Elastic IP ${ip}`);
        const body = { instance: { id: NOBODY } };
        const achieved = () => Promise.resolve(false);
        await client.put(`/elastic-ip/${textOf(found, "id")}:${verb}`, body, { achieved, signal });
      },
    }));
  return [
    { ...reads, operation: "get-instance", ask: (signal) => machine(selfId, signal) },
    { ...reads, operation: "list-elastic-ips", ask: addresses },
    ...(watches ? [{ ...reads, operation: "list-instances", ask: instances }] : []),
    ...(watches
      ? [{
        operation: "get-security-group",
        loss: "the doctor cannot look at the firewall rules",
        changes: false,
        ask: (signal: AbortSignal) => client.get(`/security-group/${NOBODY}`, signal),
      }]
      : []),
    ...networkReadings.map((operation) => ({
      ...reads,
      operation,
      ask: (signal: AbortSignal) => {
        const id = operation === "get-private-network" ? `/${NOBODY}` : "";
        return client.get(`/private-network${id}`, signal);
      },
    })),
    ...(byGroup ? [{ ...reads, operation: "list-security-groups", ask: groupList }] : []),
    {
      operation: "get-operation",
      loss: "why a change failed is not told",
      changes: false,
      ask: (signal) => client.get(`/operation/${NOBODY}`, signal),
    },
    {
      operation: "get-instance-pool",
      loss: "an Elastic IP that the pool hands out is not noticed",
      changes: false,
      ask: async (signal) => {
        const { poolId } = await machine(selfId, signal);
        return await client.get(`/instance-pool/${poolId ?? NOBODY}`, signal);
      },
    },
    ...(attaches ? change("attach", "attach-instance-to-elastic-ip") : []),
    ...(detaches ? change("detach", "detach-instance-from-elastic-ip") : []),
  ];
}

function machineOf(instance: Fields, whole: boolean): InventoryItem {
  const manager = (instance.manager ?? {}) as Fields;
  const texts = [textOf(instance, "public-ip"), textOf(instance, "ipv6-address")];
  return {
    id: textOf(instance, "id"),
    name: textOf(instance, "name") || textOf(instance, "id"),
    addresses: texts.flatMap((text) => canonicalIp(text) ?? []).filter((ip) => ip !== "0.0.0.0"),
    groups: listOf(instance, "security-groups", "id").map((group) => textOf(group, "id")),
    held: whole ? listOf(instance, "elastic-ips", "id").map((each) => textOf(each, "id")) : null,
    assignment: textOf(instance, "public-ip-assignment"),
    poolId: textOf(manager, "type") === "instance-pool" ? textOf(manager, "id") : null,
  };
}

function groupOf(group: Fields): Group {
  const external = group["external-sources"];
  return {
    key: textOf(group, "id"),
    name: textOf(group, "name"),
    rules: listOf(group, "rules").map(ruleOf),
    externalSources: Array.isArray(external)
      ? external.filter((each): each is string => typeof each === "string")
      : [],
  };
}

function ruleOf(rule: Fields): Rule {
  const { "start-port": first, "end-port": last } = rule;
  return {
    direction: textOf(rule, "flow-direction") === "egress" ? "egress" : "ingress",
    protocol: textOf(rule, "protocol").toLowerCase(),
    ports: typeof first === "number" && typeof last === "number" ? [first, last] : null,
    network: textOf(rule, "network") || null,
    group: textOf(rule["security-group"], "id") || null,
  };
}
