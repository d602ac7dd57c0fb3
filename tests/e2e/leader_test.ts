// The address follows a leader that somebody else elects, as Patroni does: each node asks its own machine whether it is
// the leader. Stand-ins answer as Patroni's REST API does, 200 or 503; tests/patroni asks the real one.
import { assert, assertEquals } from "@std/assert";
import { Cluster, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";

/** Those of docs/set-up/patroni.md. */
const OPTIONS = ["--exclusive", "--no-preempt", "--check-rise", "1", "--check-fall", "1"];

/** How a stand-in answers: as the leader, as another member, or not at all. */
type Answer = "leader" | "replica" | "hangs";

/** The REST API of one node. */
class RestApi {
  answer: Answer = "replica";
  /** Questions so far. */
  asked = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #ending = new AbortController();

  constructor() {
    const { signal } = this.#ending;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, signal, onListen() {} },
      ({ url }) => {
        this.asked += 1;
        if (this.answer === "hangs") return new Promise(() => {});
        const role = this.answer === "leader" ? "primary" : "replica";
        const status = new URL(url).pathname === `/${role}` ? 200 : 503;
        return Response.json({ state: "running", role }, { status });
      },
    );
  }

  /** The check that asks it. */
  check(role: "primary" | "replica"): string[] {
    return ["--check", `http://127.0.0.1:${this.#server.addr.port}/${role}`];
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#server.finished;
  }
}

/** Three nodes, each with a REST API of its own. */
class Machines {
  readonly cluster = new Cluster(PATIENT);
  readonly apis = this.cluster.nodes.map(() => new RestApi());

  readonly #priorities: readonly number[];
  readonly #options: readonly string[];
  readonly #role: "primary" | "replica";

  constructor(
    { options = OPTIONS, role = "primary", priorities = [10, 10, 10] }: {
      options?: readonly string[];
      role?: "primary" | "replica";
      priorities?: readonly number[];
    } = {},
  ) {
    this.#options = options;
    this.#role = role;
    this.#priorities = priorities;
    for (const number of [1, 2, 3]) this.start(number);
  }

  /** Starts the watchdog of a node. */
  start(number: number): void {
    const check = this.apis[number - 1]?.check(this.#role) ?? [];
    const times = ["--check-interval", "100ms", "--check-timeout", "300ms"];
    const args = [...this.#options, ...times, ...check];
    const priority = this.#priorities[number - 1] ?? 10;
    this.cluster.start(this.cluster.node(number), { priority, args });
  }

  /** Lets that node lead, and no other; 0 for none. */
  leads(number: number): void {
    for (const [index, api] of this.apis.entries()) {
      api.answer = index + 1 === number ? "leader" : "replica";
    }
  }

  /** Resolves when those nodes hold the address, no others, and all know it. */
  async heldBy(...numbers: readonly number[]): Promise<void> {
    const names = numbers.map((number) => `node-${number}`).join();
    await until(() => this.cluster.holders.join() === names, { title: `${names} holds` });
    // The change shows in the cloud before its node has the answer and tells the others.
    await this.acted();
  }

  /** Resolves when each watchdog that runs has asked often enough to have acted on the answers. */
  async acted(): Promise<void> {
    const running = this.apis.filter((_, index) => this.cluster.node(index + 1).alive);
    const before = running.map(({ asked }) => asked);
    // Ten questions take five times as long as the interval of the heartbeats.
    const enough = () => running.every(({ asked }, index) => asked >= (before[index] ?? 0) + 10);
    await until(enough, { title: "all have asked again" });
  }

  /** How often the holders have changed. */
  get changes(): number {
    return this.cluster.server.model.history.length;
  }

  async close(): Promise<void> {
    await this.cluster.close();
    await Promise.all(this.apis.map((api) => api.close()));
  }
}

for (const priorities of [[10, 10, 10], [30, 20, 10]]) {
  Deno.test(`the address follows the leader, and stays while there is none (${priorities})`, async () => {
    const machines = new Machines({ priorities });
    const { cluster } = machines;
    try {
      machines.leads(2);
      await machines.heldBy(2);
      for (const next of [3, 1]) {
        const held = cluster.holders, { changes } = machines;
        machines.leads(0);
        await machines.acted();
        assertEquals([cluster.holders, machines.changes], [held, changes], "without a leader");
        machines.leads(next);
        await machines.heldBy(next);
      }
      assert(cluster.server.model.history.every(({ holders }) => holders.length > 0));
    } finally {
      await machines.close();
    }
  });
}

Deno.test("a REST API that hangs moves nothing until another node leads", async () => {
  const machines = new Machines();
  const { cluster } = machines;
  try {
    machines.leads(3);
    await machines.heldBy(3);
    const { changes } = machines;
    const [, , third] = machines.apis;
    assert(third);
    third.answer = "hangs";
    await until(() => cluster.node(3).lines.some(({ text }) => /check-failing/.test(text)), {
      title: "the check fails",
    });
    await machines.acted();
    assertEquals([cluster.holders, machines.changes], [["node-3"], changes]);
    machines.leads(1);
    third.answer = "hangs";
    await machines.heldBy(1);
  } finally {
    await machines.close();
  }
});

Deno.test("without a leader, the best of the others takes the address from a dead watchdog", async () => {
  const machines = new Machines({ priorities: [20, 10, 10] });
  const { cluster } = machines;
  try {
    machines.leads(1);
    await machines.heldBy(1);
    machines.leads(0);
    await machines.acted();
    cluster.stop(cluster.node(1), "SIGKILL");
    await machines.heldBy(2);
    machines.leads(3);
    await machines.heldBy(3);
  } finally {
    await machines.close();
  }
});

Deno.test("a stopping watchdog of the leader hands over to a replica, and takes it back", async () => {
  const machines = new Machines();
  const { cluster } = machines;
  const [one] = cluster.nodes;
  assert(one);
  try {
    machines.leads(1);
    await machines.heldBy(1);
    cluster.stop(one, "SIGTERM");
    await one.process?.ended();
    await machines.heldBy(2);
    machines.start(1);
    await machines.heldBy(1);
    assert(cluster.server.model.history.every(({ holders }) => holders.length > 0));
  } finally {
    await machines.close();
  }
});

for (
  const [missing, holders] of [["--exclusive", [1, 2, 3]], ["--no-preempt", [1]]] as const
) {
  Deno.test(`without ${missing}, replicas take the address while there is no leader`, async () => {
    const machines = new Machines({ options: OPTIONS.filter((option) => option !== missing) });
    try {
      machines.leads(2);
      await machines.heldBy(2);
      machines.leads(0);
      await machines.heldBy(...holders);
      machines.leads(3);
      await machines.heldBy(3);
    } finally {
      await machines.close();
    }
  });
}

Deno.test("replicas share an address for reading, and all nodes do if none is fit", async () => {
  const machines = new Machines({
    options: ["--check-rise", "1", "--check-fall", "1"],
    role: "replica",
  });
  try {
    machines.leads(2);
    await machines.heldBy(1, 3);
    machines.leads(3);
    await machines.heldBy(1, 2);
    // No node answers 200 any more.
    for (const api of machines.apis) api.answer = "leader";
    await machines.heldBy(1, 2, 3);
  } finally {
    await machines.close();
  }
});
