// The zone through CloudStack (API v1).
import { canonicalIp } from "../core/ip.ts";
import type { ClientV1 } from "../exoscale/client_v1.ts";
import { CloudError } from "../exoscale/cloud_error.ts";
import { type Fields, listOf, textOf } from "../exoscale/json.ts";
import type { Group, Rule } from "./rules.ts";
import {
  type Inventory,
  type InventoryItem,
  NOBODY,
  once,
  type Purpose,
  type Right,
} from "./inventory.ts";

/** Reads through that client. */
export function inventoryV1(client: ClientV1, endpoint: string): Inventory {
  const all = once((signal) => client.machines({}, signal));
  const groups = once(async (signal) =>
    listOf(await client.ask("listSecurityGroups", {}, signal), "securitygroup").map(groupOf)
  );
  const machine = async (id: string, signal: AbortSignal) => {
    const found = (await client.machines({ id }, signal)).find((each) => textOf(each, "id") === id);
    if (found) return machineOf(found);
    throw new CloudError("not-found", `listVirtualMachines: no machine ${id}`, { status: 404 });
  };
  return {
    name: `API v1 at ${endpoint}`,
    machine,
    machines: async (signal) => (await all(signal)).map(machineOf),
    // exoip needs no command for addresses, so the key may not be allowed any.
    address: (ip) => Promise.resolve({ key: ip, managed: null, text: ip }),
    known: () => Promise.resolve([]),
    holders: async (ip, signal) =>
      (await all(signal)).map(machineOf).filter(({ held }) => held?.includes(ip)),
    handedOutBy: () => Promise.resolve(null),
    async groups(wanted, signal) {
      const found = (await groups(signal)).filter(({ key }) => wanted.includes(key));
      return new Map(found.map((group) => [group.key, group]));
    },
    rights: (purpose) => rightsOf(purpose, { client, machine }),
  };
}

function rightsOf(
  { attaches, detaches, selfId }: Purpose,
  { client, machine }: {
    client: ClientV1;
    machine: (id: string, signal: AbortSignal) => Promise<InventoryItem>;
  },
): Right[] {
  const tried = (command: string, parameters: Record<string, string>, changes: boolean): Right => ({
    operation: command,
    loss: null,
    changes,
    ask: (signal) => client.ask(command, parameters, signal),
  });
  return [
    {
      operation: "listVirtualMachines",
      loss: null,
      changes: false,
      ask: (signal) => machine(selfId, signal),
    },
    tried("queryAsyncJobResult", { jobid: NOBODY }, false),
    // 192.0.2.1 is a documentation address (RFC 5737).
    ...(attaches ? [tried("addIpToNic", { nicid: NOBODY, ipaddress: "192.0.2.1" }, true)] : []),
    ...(detaches ? [tried("removeIpFromNic", { id: NOBODY }, true)] : []),
  ];
}

function machineOf(machine: Fields): InventoryItem {
  const nic = listOf(machine, "nic", "id").find(({ isdefault }) => `${isdefault}` === "true");
  return {
    id: textOf(machine, "id"),
    name: textOf(machine, "name") || textOf(machine, "id"),
    addresses: [textOf(nic, "ipaddress"), textOf(nic, "ip6address")].flatMap((text) =>
      canonicalIp(text) ?? []
    ),
    groups: listOf(machine, "securitygroup").map((group) => textOf(group, "name")),
    held: listOf(nic, "secondaryip", "ipaddress").map((each) => textOf(each, "ipaddress")),
    poolId: null,
    assignment: "",
  };
}

function groupOf(group: Fields): Group {
  const rules = (name: string, direction: Rule["direction"]) =>
    listOf(group, name).map((rule) => ruleOf(rule, direction));
  const name = textOf(group, "name");
  return {
    key: name,
    name,
    rules: [...rules("ingressrule", "ingress"), ...rules("egressrule", "egress")],
    externalSources: [],
  };
}

function ruleOf(rule: Fields, direction: Rule["direction"]): Rule {
  const [first, last] = [Number(rule.startport), Number(rule.endport)];
  return {
    direction,
    protocol: textOf(rule, "protocol").toLowerCase(),
    ports: first > 0 && last > 0 ? [first, last] : null,
    network: textOf(rule, "cidr") || null,
    group: textOf(rule, "securitygroupname") || null,
  };
}
