// Lists and objects of the wrong shape: such odd answers are waited out. Nothing follows from them, neither that a list
// is empty nor that a start has to end.
import { assertEquals, assertRejects } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { findEndpoint, lookUpEndpoint } from "../../src/exoscale/zone.ts";
import { StartupPolicy } from "../../src/exoscale/startup_policy.ts";
import { systemClock } from "../../src/host/clock.ts";
import type { Fetch } from "../../src/exoscale/http.ts";
import {
  answering,
  type Api,
  cloudFetch,
  CloudFixture,
  ELASTIC_IP,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import type { Cloud } from "../../src/world.ts";

type Call = (cloud: Cloud) => Promise<unknown>;

const prepare: Call = (cloud) => cloud.prepare(PATIENT);
const members: Call = (cloud) => cloud.members(PATIENT);
const look: Call = (cloud) => cloud.look({ others: true }, PATIENT);
const inspect: Call = (cloud) => cloud.inspect("9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f", PATIENT);

/** Where lists are in the API's answers, and the code that reads them. */
const LISTS: ReadonlyArray<
  readonly [api: Api, path: RegExp, within: string | null, name: string, calls: readonly Call[]]
> = [
  ["v2", /\/elastic-ip$/, null, "elastic-ips", [prepare]],
  ["v2", /\/instance$/, null, "instances", [members, look]],
  ["v2", /\/instance\/[\w-]+$/, null, "elastic-ips", [prepare, look]],
  ["v2", /\/security-group$/, null, "security-groups", [members]],
  ["v1", /listVirtualMachines/, "listvirtualmachinesresponse", "virtualmachine", [
    prepare,
    members,
    look,
    inspect,
  ]],
];
/** Values that are not a list of named things. */
const SHAPES: readonly unknown[] = [
  [[]],
  [[{ id: "1", ip: "198.51.100.50" }]],
  [null],
  [1],
  ["198.51.100.50"],
  [{}],
  [{ id: 5, ip: 7 }],
  [{ id: ["x"], ip: {} }],
  {},
  { 0: {} },
  "none",
  7,
  true,
];

/** The change in the answers to some requests; null changes nothing. */
interface Change {
  path: RegExp;
  within: string | null;
  name: string;
  value: unknown;
}

/** A `fetch` with the cloud's answers, with the current change applied. */
function changing(state: { change: Change | null }): Fetch {
  return async (url, init) => {
    const response = await cloudFetch(url, init);
    const { change } = state;
    if (!change || !(change.path.test(url.pathname) || change.path.test(url.search))) {
      return response;
    }
    const answer = await response.json();
    const place = change.within === null ? answer : answer[change.within];
    if (typeof place === "object" && place !== null) place[change.name] = change.value;
    return Response.json(answer, { status: response.status });
  };
}

for (const [api, path, within, name, calls] of LISTS) {
  Deno.test(`API ${api}: a "${name}" (${path.source}) of another shape is an odd answer`, async () => {
    await using fixture = new CloudFixture();
    for (const call of calls) {
      for (const value of SHAPES) {
        const state: { change: Change | null } = { change: null };
        const cloud = fixture.cloud(api, { fetch: changing(state) });
        if (call !== prepare) await cloud.prepare(PATIENT);
        state.change = { path, within, name, value };
        const error = await assertRejects(() => call(cloud), CloudError);
        const what = `${JSON.stringify(value)}, call ${calls.indexOf(call)}: ${error.message}`;
        assertEquals(error.kind, "unexpected-answer", what);
        assertEquals(new StartupPolicy().endsWith(error, 1e9), false, what);
      }
    }
  });
}

const ODD = [[["x"]], [{}], [{ name: 3 }], "x", {}];

Deno.test("zones of another shape are an odd answer", async () => {
  for (const zones of ODD) {
    const directory = {
      anyEndpoint: "https://api.test/v2",
      fetch: answering(() => Response.json({ zones })),
      clock: systemClock,
      signal: PATIENT,
    };
    const asked = [
      () => lookUpEndpoint("ch-gva-2", directory),
      () =>
        findEndpoint("9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f", {
          ...directory,
          apiKey: "k",
          secret: "s",
        }),
    ];
    for (const ask of asked) {
      const error = await assertRejects(ask, CloudError);
      assertEquals(error.kind, "unexpected-answer", `${JSON.stringify(zones)}: ${error.message}`);
    }
  }
});

Deno.test("labels, managers and health checks of another shape are odd answers", async () => {
  await using fixture = new CloudFixture();
  const instance = /\/instance\/[\w-]+$/;
  for (const value of ["x", 5, ["pool"], true]) {
    const state: { change: Change | null } = {
      change: { path: instance, within: null, name: "manager", value },
    };
    const cloud = fixture.cloud("v2", { fetch: changing(state), peers: { kind: "discovery" } });
    const refused = await assertRejects(() => prepare(cloud), CloudError);
    assertEquals(refused.kind, "unexpected-answer", `manager ${JSON.stringify(value)}`);
    const { id } = fixture.self;
    const address = { id: fixture.address.id, ip: ELASTIC_IP };
    const rows: ReadonlyArray<readonly [Change, Call]> = [
      [
        {
          path: /elastic-ip$/,
          within: null,
          name: "elastic-ips",
          value: [{ ...address, healthcheck: value }],
        },
        prepare,
      ],
      [
        { path: /instance$/, within: null, name: "instances", value: [{ id, labels: value }] },
        members,
      ],
      [
        { path: /instance$/, within: null, name: "instances", value: [{ id, manager: value }] },
        members,
      ],
    ];
    for (const [change, call] of rows) {
      state.change = change;
      const error = await assertRejects(() => call(cloud), CloudError);
      assertEquals(
        error.kind,
        "unexpected-answer",
        `${JSON.stringify(change.value)} ${error.message}`,
      );
    }
  }
});
