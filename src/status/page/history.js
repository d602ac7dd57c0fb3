// The history on the page: a band for each node, the faults between them, and a list of what happened. It is asked every
// five seconds. A band can be read without its colours: a node that holds fills its height, one that only lives a part.
"use strict";

(() => {
  const ASK_EVERY_MS = 5_000, ANSWER_WITHIN_MS = 2_500, EVENTS_MAX = 100;
  const HOUR_MS = 3_600_000;
  const SVG = "http://www.w3.org/2000/svg";
  const STATES = {
    "holds": ["holds", 0, 100],
    "holds-unheard": ["holds in the cloud, but is not heard", 0, 100],
    "alive": ["is alive", 60, 40],
    "silent": ["is silent", 92, 8],
    "unknown": ["is not known to hold", 60, 40],
  };
  const KINDS = {
    "outage": "no holder",
    "two-holders": "two holders",
    "sharing": "shared",
    "not-running": "this watchdog did not run",
  };
  const byId = (id) => document.getElementById(id);
  let history = null, windowMs = 6 * HOUR_MS;

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
    return `${Math.floor(seconds / 3_600)} h ${Math.floor(seconds / 60) % 60} min`;
  }

  const clock = (ms) => new Date(ms).toLocaleTimeString([], { hourCycle: "h23" });

  /** The window that is shown. */
  const since = () => history.takenAtMs - windowMs;
  const percent = (ms) => `${Math.max(0, Math.min(100, (ms - since()) / windowMs * 100))}%`;
  const width = (fromMs, toMs) => `${parseFloat(percent(toMs)) - parseFloat(percent(fromMs))}%`;
  const end = ({ toMs }) => toMs ?? history.takenAtMs;
  const shown = (part) => end(part) > since();

  /** For how long within the window. */
  const within = (part) => end(part) - Math.max(part.fromMs, since());

  function drawn(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function rectangle(part) {
    const [words, y, height] = STATES[part.state] ?? [part.state, 0, 100];
    const title = drawn("title", {});
    const until = part.toMs === null ? "now" : clock(part.toMs);
    title.textContent = `${words}, ${clock(part.fromMs)} to ${until}`;
    return drawn("rect", {
      class: `span ${part.state}`,
      x: percent(part.fromMs),
      width: width(part.fromMs, end(part)),
      y: `${y}%`,
      height: `${height}%`,
    }, title);
  }

  /** What the band says, in words. */
  function spoken({ name, spans }) {
    const parts = spans.filter(shown);
    const heldMs = parts.filter(({ state }) => state === "holds")
      .reduce((sum, part) => sum + within(part), 0);
    const last = parts.at(-1);
    const now = last === undefined || last.toMs !== null
      ? "nothing is known now"
      : `now it ${STATES[last.state]?.[0] ?? last.state}`;
    return `${name}: held for ${span(heldMs)} of the last ${windowMs / HOUR_MS} h, ${now}`;
  }

  function band(node) {
    const picture = drawn("svg", { class: "band", role: "img", "aria-label": spoken(node) });
    picture.append(...node.spans.filter(shown).map(rectangle));
    return make("li", "", make("span", "band-name", node.name), picture);
  }

  function textOf({ kind, lastedMs, toMs, causes, fault }) {
    const words = fault && kind === "two-holders" ? "two holders, a fault" : KINDS[kind] ?? kind;
    const why = causes.map(({ text }) => text).join("; ");
    return `${words} for ${span(lastedMs)}${toMs === null ? " so far" : ""}${why && `: ${why}`}`;
  }

  /** A fault on the band of faults: shown however short, with its text when it is pointed at or focused. */
  function faultMark(mark, key, detail) {
    const text = `${clock(mark.fromMs)} ${textOf(mark)}`;
    const button = make("button", `mark ${mark.kind}`);
    button.type = "button";
    button.dataset.key = key;
    button.setAttribute("aria-label", text);
    button.style.left = percent(mark.fromMs);
    button.style.width = width(mark.fromMs, end(mark));
    const tell = () => detail.textContent = text;
    for (const event of ["focus", "mouseenter", "click"]) button.addEventListener(event, tell);
    return button;
  }

  function faultBand(view, detail) {
    const marks = view.marks.filter((mark) => mark.fault && shown(mark));
    const place = make("div", "band marks");
    place.append(
      ...marks.map((mark) =>
        faultMark(mark, `${view.elasticIp} ${mark.kind} ${mark.fromMs}`, detail)
      ),
      ...view.marks.filter((mark) => mark.kind === "not-running" && shown(mark)).map((mark) => {
        const gap = make("span", "gap");
        gap.title = textOf(mark);
        gap.style.left = percent(mark.fromMs);
        gap.style.width = width(mark.fromMs, end(mark));
        return gap;
      }),
    );
    return make("li", "", make("span", "band-name", "faults"), place);
  }

  /** What happened, newest first. */
  function events({ marks, nodes }) {
    const held = nodes.flatMap(({ name, key, spans }) =>
      spans.flatMap((part, index) => {
        const goesOn = index > 0 && spans[index - 1].state === "holds";
        const took = marks.some(({ kind, toMs, endedBy }) =>
          kind === "outage" && endedBy === key && toMs === part.fromMs
        );
        if (part.state !== "holds" || goesOn) return [];
        return [{ atMs: part.fromMs, text: `${name} ${took ? "took over" : "holds"}`, fault: "" }];
      })
    );
    const told = marks.map((mark) => ({
      atMs: mark.fromMs,
      text: textOf(mark),
      fault: mark.fault ? mark.kind === "outage" ? "bad" : "odd" : "",
    }));
    return [...held, ...told].filter(({ atMs }) => atMs >= since())
      .sort((one, other) => other.atMs - one.atMs).slice(0, EVENTS_MAX);
  }

  function eventRow({ atMs, text, fault }) {
    const time = make("time", "", clock(atMs));
    time.dateTime = new Date(atMs).toISOString();
    const word = { bad: "outage", odd: "fault" }[fault] ?? "";
    return make("li", "", time, make("span", `word ${fault}`, word), make("span", "", text));
  }

  function summary(view) {
    const faults = view.marks.filter((mark) => mark.fault && shown(mark));
    const outages = faults.filter(({ kind }) => kind === "outage");
    const unheldMs = outages.reduce((sum, mark) => sum + within(mark), 0);
    const known = view.fromMs > since() ? `, known from ${clock(view.fromMs)} on` : "";
    const others = faults.length - outages.length;
    const times = (count) => `${count} ${count === 1 ? "time" : "times"}`;
    return `${view.elasticIp}, the last ${windowMs / HOUR_MS} h${known}: ` +
      `${times(outages.length)} without a holder, ${span(unheldMs)} together; ` +
      `${times(others)} two holders that should not be`;
  }

  function section(view) {
    const detail = make("p", "detail", "Point at a fault, or go to it with the Tab key.");
    detail.setAttribute("role", "status");
    const list = make("ol", "events", ...events(view).map(eventRow));
    list.tabIndex = 0;
    list.setAttribute("aria-label", `What happened to ${view.elasticIp}, newest first`);
    return make(
      "article",
      "history",
      make("p", "summary", summary(view)),
      make("ul", "bands", ...view.nodes.map(band), faultBand(view, detail)),
      make(
        "p",
        "axis",
        make("span", "", clock(since())),
        make("span", "", clock(history.takenAtMs)),
      ),
      detail,
      list,
    );
  }

  /** Shows the history; what has the focus keeps it. */
  function show() {
    if (history === null) return;
    const { key } = document.activeElement?.dataset ?? {};
    byId("history").replaceChildren(...history.addresses.map(section));
    for (const button of document.querySelectorAll("#history .mark")) {
      if (button.dataset.key === key) button.focus();
    }
  }

  async function ask() {
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
      const response = await fetch("history.json", { signal, cache: "no-store" });
      if (response.ok) {
        history = await response.json();
        show();
      }
    } catch {
      // The other part of the page says that there is no answer.
    }
    setTimeout(ask, ASK_EVERY_MS);
  }

  for (const button of document.querySelectorAll("#windows button")) {
    button.addEventListener("click", () => {
      windowMs = Number(button.dataset.hours) * HOUR_MS;
      for (const other of document.querySelectorAll("#windows button")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      show();
    });
  }
  ask();
})();
