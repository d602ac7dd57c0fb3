// The live part of the status page: asks /status.json every second and shows it. Everything that it shows comes as
// text, never as markup. What is not fresh is never shown as if it were: without an answer all is grey, and says since
// when.
"use strict";

(() => {
  const ASK_EVERY_MS = 1_000, ANSWER_WITHIN_MS = 2_500;
  const LINKS = {
    "both": ["⇄", "heard both ways", ""],
    "does-not-hear-us": ["←", "one way: it does not hear us", "bad"],
    "not-heard": ["→", "one way: it lives, but is not heard", "bad"],
    "unconfirmed": ["←", "heard; cannot say whether it hears us", ""],
    "silent": ["✕", "nothing is heard", "odd"],
    "listed": ["☰", "listed in the store of the lease", ""],
    "unlisted": ["✕", "not listed in the store any more", "odd"],
  };
  /** Links of peers without heartbeats. */
  const LISTS = ["listed", "unlisted"];
  const VERDICTS = { "OK": "good", "WARNING": "odd", "CRITICAL": "bad", "UNKNOWN": "odd" };
  const byId = (id) => document.getElementById(id);
  let snapshot = null, answeredAtMs = null, problem = "";

  /** An element with a class, and children that are elements or text. */
  function make(tag, look, ...children) {
    const element = document.createElement(tag);
    if (look) element.className = look;
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  function span(ms) {
    const seconds = Math.floor(ms / 1_000);
    if (seconds < 120) return `${(ms / 1_000).toFixed(1)} s`;
    if (seconds < 7_200) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
    const hours = Math.floor(seconds / 3_600);
    if (hours < 48) return `${hours} h ${Math.floor(seconds / 60) % 60} min`;
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  }

  const ago = (ms) => ms === null ? "never" : `${span(ms)} ago`;
  const pill = (text, look = "") => make("span", `pill ${look}`, text);
  const flag = (is, text, look) => is ? pill(text, look) : null;

  /** A reading, marked when it is older than the watchdog means to let it get. */
  function reading(text, ageMs, maxMs) {
    return make("p", ageMs === null || ageMs > maxMs ? "old" : "", `${text} ${ago(ageMs)}`);
  }

  const nameOf = ({ name, address }) => name ? `${name} (${address})` : address;

  /** Its own priority: one that stands back advertises the last one. */
  const priorityOf = ({ ownPriority, priority }) => ownPriority ?? priority ?? "unknown";

  /**
   * Where a peer's page is if the peer listens where this node does. Nothing says whether it does; and where this page
   * was reached through loopback, a tunnel or TLS, it says nothing about the peer.
   */
  function pageOf({ address }) {
    const { protocol, hostname, port } = location;
    const local = /^(127\.|localhost$|\[::1\]$)/.test(hostname);
    if (protocol !== "http:" || local || !/^[\d.]+$|^[\da-f:.]+$/i.test(address)) return null;
    const host = address.includes(":") ? `[${address}]` : address;
    return { href: `http://${host}${port && `:${port}`}/`, port: port || "80" };
  }

  function pageLink(peer) {
    const place = pageOf(peer);
    if (place === null) return null;
    const link = make("a", "", "its own page");
    link.href = place.href;
    link.rel = "noreferrer";
    return make("p", "", link, `, if it serves one on port ${place.port}, too`);
  }

  /** Checks of this node that do not pass, with why. */
  function checkLines({ checks }) {
    return checks.filter(({ state }) => state === "failing").map(({ name, reason, ageMs }) =>
      make("p", "old", `check ${name} is failing, ${ago(ageMs)}${reason ? `: ${reason}` : ""}`)
    );
  }

  function ownCard(view) {
    const { role, reason, holding } = view;
    const held = holding === null ? "not known to hold" : holding ? "holds" : "does not hold";
    return make(
      "article",
      `node ${holding ? "holds" : ""}`,
      make("h3", "", `This node, priority ${view.priority}`),
      make(
        "p",
        "pills",
        pill(`${role} (${reason})`, role === "master" ? "good" : ""),
        pill(held, holding === null ? "odd" : holding ? "good" : ""),
        // Only a holder's traffic is dropped; a backup would drop it once it holds.
        flag(
          view.onInterface === false,
          "address on no interface",
          holding && !snapshot.shadow ? "bad" : "odd",
        ),
        flag(!view.cloudReachable, "cannot reach the cloud", "bad"),
        flag(!view.healthy, "unhealthy", "bad"),
        flag(
          view.aside,
          `${view.aside?.kind} by ${view.aside?.by}, ${span(view.aside?.ageMs ?? 0)} ago`,
          "odd",
        ),
        flag(!view.inPeerList, "not on the list of peers", "bad"),
        flag(view.leaving, "leaving", "odd"),
        flag(view.settling, "listening first", "odd"),
        ...leasePills(view),
      ),
      make("p", "", `${role} for ${view.roleAgeMs === null ? "ever" : span(view.roleAgeMs)}`),
      ...(view.reasonDetail ? [make("p", "", `${reason}: ${view.reasonDetail}`)] : []),
      ...(view.movesWith?.length
        ? [make("p", "", `moves together with ${view.movesWith.join(", ")}`)]
        : []),
      reading("cloud read", view.holdingAgeMs, 2 * view.reconcileMs + 10_000),
      ...leaseLines(view),
      ...checkLines(snapshot),
      interfaceText(view),
      make("p", "", `take-overs ${view.takeOvers}, evictions ${view.evictions}`),
      ...comparisonLines(view.comparison),
    );
  }

  /** What stands out about the lease. */
  function leasePills({ lease, holding }) {
    if (!lease) return [];
    const { owned, reachable, failsafe, fencing, lost } = lease;
    return [
      flag(owned, "owns the lease", "good"),
      flag(lost, "lost the lease", "odd"),
      flag(holding && !owned && !failsafe, "holds without the lease", "odd"),
      flag(!reachable, "cannot reach the store", "bad"),
      flag(failsafe, "failsafe: holds while it hears every peer", "bad"),
      flag(fencing, "takes the address from others first", "odd"),
    ];
  }

  /** Who owns the lease, and how old that is. */
  function leaseLines({ lease }) {
    if (!lease) return [];
    const { owned, owner, releasedTo, ttlMs, readAgeMs, renewalAgeMs, answeredAgeMs } = lease;
    const store = reading(`${lease.store} answered`, answeredAgeMs, ttlMs * 2 / 3);
    if (owned) {
      const text = `lease of ${span(ttlMs)}, renewed`;
      return [reading(text, renewalAgeMs, ttlMs / 2), store];
    }
    const name = owner && nameOf({ name: owner.name, address: owner.instanceId });
    const who = !owner
      ? "nobody owns the lease"
      : releasedTo
      ? `${name} gave the lease up to ${releasedTo}`
      : `${name} owns the lease`;
    return [
      readAgeMs === null
        ? make("p", "old", "not known who owns the lease")
        : reading(`${who}, read`, readAgeMs, ttlMs),
      store,
    ];
  }

  /** How a shadow's decisions differ from what the cloud shows. */
  function comparisonLines(comparison) {
    if (!comparison) return [];
    return [...comparison.differences.map(({ text }) => text), comparison.summary]
      .map((text) => make("p", "", text));
  }

  /** Whether this machine itself has the address, and why it cannot have it. */
  function interfaceText(view) {
    const { onInterface, interfaceAgeMs, interfaceProblem } = view;
    if (typeof onInterface !== "boolean") return make("p", "", "on an interface: not known");
    if (onInterface) {
      const where = view.interface === null ? "this machine has it" : `on ${view.interface}`;
      return reading(`${where}, looked`, interfaceAgeMs, 10_000);
    }
    const why = interfaceProblem ? `: ${interfaceProblem}` : "";
    return make("p", "old", `on no interface, looked ${ago(interfaceAgeMs)}${why}`);
  }

  /** The machines: one with several addresses is a peer at each of them, which are its paths. */
  function machinesOf(peers) {
    const paths = new Map();
    for (const peer of peers) {
      const key = peer.instanceId ?? peer.address;
      paths.set(key, [...paths.get(key) ?? [], peer]);
    }
    return [...paths.values()].map((each) => {
      const age = ({ heardAgeMs }) => heardAgeMs ?? Infinity;
      const live = each.filter(({ alive }) => alive);
      const last = (live.length > 0 ? live : each).reduce((one, other) =>
        age(other) < age(one) ? other : one
      );
      const link = live.some((path) => path.link === "both") ? "both" : last.link;
      return { ...last, link, paths: each };
    });
  }

  /** What is heard on one path. */
  function pathText(path, view) {
    return reading(`${path.network ?? "public"} ${path.address}`, path.heardAgeMs, view.deadTimeMs);
  }

  function peerRow(peer, view) {
    const [arrow, words, look] = LINKS[peer.link] ?? ["?", peer.link, "odd"];
    const card = make(
      "article",
      `node ${peer.alive ? "" : "dead"} ${peer.alive && peer.holds ? "holds" : ""}`,
      make("h3", "", `${nameOf(peer)}, priority ${priorityOf(peer)}`),
      make(
        "p",
        "pills",
        peer.alive
          ? pill("alive", "good")
          : pill(peer.heardAgeMs === null ? "never heard" : "dead", "bad"),
        flag(
          peer.holds,
          peer.alive ? "holds" : "held when last heard",
          peer.alive ? "good" : "odd",
        ),
        flag(peer.leaving, "leaving", "odd"),
        flag(peer.unable, "cannot take the address", "bad"),
        flag(peer.unhealthy, "unhealthy", "bad"),
        flag(
          view.otherHolders.some((holder) =>
            peer.paths.some(({ address }) => holder.peer === address)
          ),
          `holds in the cloud, read ${ago(view.otherHoldersAgeMs)}`,
          "",
        ),
      ),
      reading(
        LISTS.includes(peer.link) ? "seen in the store" : "heard",
        peer.heardAgeMs,
        view.deadTimeMs,
      ),
      ...(peer.paths.length > 1 ? peer.paths.map((path) => pathText(path, view)) : []),
      peer.refused
        ? make(
          "p",
          "old",
          `refused ${peer.refused.count}: ${peer.refused.word}, ${ago(peer.refused.ageMs)}`,
        )
        : null,
      pageLink(peer),
    );
    const link = make("p", `link ${look}`, make("span", "arrow", arrow), words);
    return make("li", "", link, card);
  }

  function holdersText(view) {
    const holders = [
      ...(view.holding ? [`this node, as the cloud showed ${ago(view.holdingAgeMs)}`] : []),
      ...machinesOf(view.peers).filter(({ alive, holds }) => alive && holds)
        .map((peer) => `${nameOf(peer)}, as it said ${ago(peer.heardAgeMs)}`),
    ];
    return holders.length === 0
      ? "Nobody is known to hold it."
      : `Held by ${holders.join("; by ")}.`;
  }

  function addressSection(view) {
    const strangers = view.otherHolders.filter(({ peer }) => peer === null);
    return make(
      "section",
      "address",
      make("h2", "", view.elasticIp),
      make("p", "summary", holdersText(view)),
      strangers.length === 0 ? null : make(
        "p",
        "old",
        `Held by instances that are no peers, read ${ago(view.otherHoldersAgeMs)}: `,
        strangers.map(({ instanceId, name }) => nameOf({ name, address: instanceId })).join(", "),
      ),
      make(
        "div",
        "cluster",
        ownCard(view),
        make("ul", "peers", ...machinesOf(view.peers).map((peer) => peerRow(peer, view))),
      ),
    );
  }

  function changeRow({ atMs, ageMs, severity, event, text }) {
    const time = make(
      "time",
      "",
      `${new Date(atMs).toLocaleTimeString([], { hourCycle: "h23" })} · ${ago(ageMs)}`,
    );
    time.dateTime = new Date(atMs).toISOString();
    const look = { warning: "odd", critical: "bad" }[severity] ?? "";
    return make("li", "", time, make("span", `word ${look}`, event), make("span", "", text));
  }

  function figures({ heartbeats, loop, checks, addresses, program, upMs, phase, zone }) {
    const counts = (list) =>
      list.map(({ word, count, ageMs }) => `${word} ${count} (${ago(ageMs)})`).join(", ") || "none";
    const errors = addresses.flatMap(({ calls }) => calls).flatMap(({ verb, errors }) =>
      errors.map((error) => ({ ...error, word: `${verb} ${error.word}` }))
    );
    return [
      ["Program", `${program.version}, commit ${program.commit}, up ${span(upMs)}, ${phase}`],
      ["Zone", zone ?? "unknown"],
      ["Heartbeats sent", `${heartbeats.sent}, last ${ago(heartbeats.sentAgeMs)}`],
      ["Heartbeats received", `${heartbeats.received}, last ${ago(heartbeats.receivedAgeMs)}`],
      ["Datagrams refused", counts(heartbeats.refused)],
      ["Cloud errors", counts(errors)],
      ["Loop", `late by ${loop.lateMs} ms, at worst ${loop.worstLateMs} ms`],
      ...checks.map(({ name, state, ageMs, reason }) => [
        `Check ${name}`,
        `${state}, last result ${ago(ageMs)}${reason ? `: ${reason}` : ""}`,
      ]),
    ].flatMap(([name, text]) => [make("dt", "", name), make("dd", "", text)]);
  }

  function show() {
    const { addresses, changes, instanceId, instanceName, verdict } = snapshot;
    byId("verdict").textContent = `${verdict.level}: ${verdict.text}`;
    byId("verdict").className = `verdict ${VERDICTS[verdict.level] ?? "odd"}`;
    byId("shadow").hidden = !snapshot.shadow;
    byId("node").textContent = `instance ${
      nameOf({ name: instanceName, address: instanceId ?? "unknown" })
    }`;
    byId("addresses").replaceChildren(...addresses.map(addressSection));
    const alarms = byId("alarms").checked;
    const shown = changes.filter(({ severity }) => !alarms || severity !== "info").reverse();
    byId("timeline").replaceChildren(...shown.map(changeRow));
    byId("figures").replaceChildren(...figures(snapshot));
    const held = addresses.some(({ holding }) => holding);
    document.title = `${snapshot.shadow ? "shadow: " : ""}${held ? "● " : ""}${
      addresses.map(({ role }) => role).join(", ")
    } – exoip`;
  }

  function showConnection() {
    const lost = problem !== "";
    const since = answeredAtMs === null
      ? "never answered"
      : `what you see is ${span(performance.now() - answeredAtMs)} old`;
    const pillOf = byId("connection");
    const text = lost ? `no answer (${problem}): ${since}` : "live, asked every second";
    if (pillOf.textContent !== text) pillOf.textContent = text;
    pillOf.className = `pill ${lost ? "bad" : "good"}`;
    document.body.classList.toggle("lost", lost);
    byId("state").setAttribute("aria-busy", String(answeredAtMs === null));
    if (lost) document.title = "no answer – exoip";
  }

  async function ask() {
    const askedAtMs = performance.now();
    try {
      const response = await fetch("status.json", {
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
        cache: "no-store",
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      snapshot = await response.json();
      // Its ages count to some moment after the question.
      answeredAtMs = askedAtMs;
      problem = "";
      show();
    } catch (error) {
      problem = error.name === "TimeoutError" ? "timeout" : error.message || "unreachable";
    }
    showConnection();
    setTimeout(ask, Math.max(100, ASK_EVERY_MS - (performance.now() - askedAtMs)));
  }

  const systemDark = matchMedia("(prefers-color-scheme: dark)");

  function dark() {
    const { theme } = document.documentElement.dataset;
    return theme ? theme === "dark" : systemDark.matches;
  }

  /** The button says what a press of it does. */
  function setTheme(theme) {
    if (theme) document.documentElement.dataset.theme = theme;
    byId("theme").textContent = dark() ? "Use light colours" : "Use dark colours";
  }

  let stored = null;
  try {
    stored = localStorage.getItem("theme");
  } catch {
    // Not allowed to remember: the system's choice then.
  }
  setTheme(stored);
  systemDark.addEventListener("change", () => setTheme(null));
  byId("theme").addEventListener("click", () => {
    setTheme(dark() ? "light" : "dark");
    try {
      localStorage.setItem("theme", document.documentElement.dataset.theme);
    } catch {
      // Forgotten at the next visit.
    }
  });
  byId("alarms").addEventListener("change", () => snapshot && show());
  // A page in the background is throttled: what it shows may be old, and says so by itself.
  setInterval(() => {
    if (
      answeredAtMs === null ||
      performance.now() - answeredAtMs < ANSWER_WITHIN_MS + 2 * ASK_EVERY_MS
    ) return;
    problem ||= "timeout";
    showConnection();
  }, 500);
  ask();
})();
