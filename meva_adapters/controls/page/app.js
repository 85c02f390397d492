// Show the agent's status as it streams in, and carry an operator's wish to the controls API.
"use strict";

const at = (id) => document.getElementById(id);
const stateOf = { token: "", actor: "", status: null, heard: 0 };
const STALE_MS = 3000;
const RETRY_MS = 1000;

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text; // Never HTML: texts come from strategies and venues.
  if (className) made.className = className;
  return made;
}

function money(text, digits = 2) {
  return Number(text).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const plain = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text) || "0";
const clock = (ns) => new Date(ns / 1e6).toISOString().slice(11, 19);
const toneOf = (text) => (Number(text) > 0 ? "good" : Number(text) < 0 ? "bad" : "");

async function ask(path, message) {
  const options = { headers: { Authorization: `Bearer ${stateOf.token}` } };
  if (message) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(message);
  }
  return fetch(path, options);
}

function showFigures(status) {
  const { pnl } = status;
  const unit = status.reporting_currency;
  const figures = [
    [`Equity ${unit}`, money(pnl.equity), ""],
    ["Today", money(pnl.pnl_today), toneOf(pnl.pnl_today)],
    ["Drawdown", money(pnl.drawdown), Number(pnl.drawdown) > 0 ? "warn" : ""],
    ["Realized", money(pnl.realized), toneOf(pnl.realized)],
    ["Unrealized", money(pnl.unrealized), toneOf(pnl.unrealized)],
    ["Fees", money(pnl.fees), ""],
  ];
  at("figures").replaceChildren(...figures.map(([label, value, tone]) => {
    const box = element("div");
    box.append(element("span", label, "label"), element("b", value, tone));
    return box;
  }));
}

function showGate(status) {
  const { state, markers } = status.gate;
  document.body.dataset.gate = state;
  at("gate-state").textContent = state.replace("_", " ");
  at("markers").replaceChildren(...markers.map((marker) =>
    element("li", `${marker.code}: ${marker.reason} (${marker.actor}, since ${clock(marker.since_ns)} UTC)`)));
  at("resume").hidden = !["PAUSED", "REDUCE_ONLY"].includes(state);
  at("release").hidden = state !== "KILLED";
  at("pause").disabled = ["PAUSED", "KILLED"].includes(state);
  at("kill").disabled = state === "KILLED";
}

// A share of a limit: its name, the numbers, and a bar that turns from *high* on.
function bar(name, numbers, share, high, tone) {
  const box = element("div", "", "limit");
  const meter = element("meter");
  Object.assign(meter, { min: 0, max: 100, low: Math.min(60, high), high, optimum: 0, value: Math.min(share, 100) });
  meter.setAttribute("aria-label", name);
  box.append(element("div", name), element("span", numbers, tone), meter);
  return box;
}

function showLimits(status) {
  at("limits").replaceChildren(...status.limits.map(({ name, used, limit, unit }) => {
    const share = Number(limit) > 0 ? (100 * Number(used)) / Number(limit) : 100;
    const digits = unit === "orders" ? 0 : 2;
    return bar(name, `${money(used, digits)} of ${money(limit, digits)} · ${share.toFixed(0)} %`, share, 85, "");
  }));
}

function showTable(id, columns, rows, none) {
  if (!rows.length) {
    const row = element("tr");
    row.append(element("td", none, "empty"));
    at(id).replaceChildren(row);
    return;
  }
  const head = element("tr");
  head.append(...columns.map((name) => element("th", name)));
  at(id).replaceChildren(head, ...rows.map((cells) => {
    const row = element("tr");
    row.append(...cells.map((cell) => {
      const made = element("td", cell instanceof Node ? "" : cell, cell === "unknown" ? "bad" : "");
      if (cell instanceof Node) made.append(cell);
      return made;
    }));
    return row;
  }));
}

function showLines(id, lines, none) {
  at(id).replaceChildren(...(lines.length ? lines : [[null, "", none, "empty"]]).map(([time, label, text, tone, action]) => {
    const line = element("li", "", time === null ? "empty" : "");
    if (time !== null) line.append(element("time", clock(time)), element("i", label, tone));
    line.append(text);
    if (action) line.append(" ", action);
    return line;
  }));
}

function button(text, className, onclick) {
  const made = element("button", text, className);
  made.type = "button";
  made.onclick = onclick;
  return made;
}

// Whether this is shown already: what did not change stays as it is, and with it the focus of the keyboard.
const shown = {};
function isShown(id, ...values) {
  const text = JSON.stringify(values);
  const same = shown[id] === text;
  shown[id] = text;
  return same;
}

function showAlerts(status) {
  if (isShown("alerts", status.alerts)) return;
  const loud = { critical: "bad", high: "bad", medium: "warn", info: "" };
  showLines("alerts", status.alerts.toReversed().map((a) => {
    const seen = a.acknowledged_by ? ` · seen by ${a.acknowledged_by}` : a.stands ? "" : " · over";
    const action = a.stands && !a.acknowledged_by ? button("Seen", "plain small", () => confirmWish("acknowledge", a)) : null;
    return [a.time_ns, `${a.level} ${a.code}`, `${a.subject} ${a.message}${seen}`, a.stands ? loud[a.level] : "", action];
  }), "No alert.");
}

function showHealth({ health }) {
  at("health").textContent = `${health.status}, heartbeat ${(health.heartbeat_age_ms / 1000).toFixed(1)} s ago`;
  at("health").className = health.ready ? "good" : "warn";
  at("problems").replaceChildren(...health.problems.map((text) => element("li", text)));
  at("measures").replaceChildren(...health.figures.flatMap((f) => [element("dt", f.name), element("dd", `${plain(f.value)} ${f.unit}`)]));
  showStreams(health.streams);
  showVenue(health.venue);
  const ages = health.figures.filter((f) => f.name.startsWith("age of ")).map((f) => Number(f.value));
  at("age").textContent = ages.length ? `oldest data ${Math.max(...ages).toFixed(1)} s` : "no data yet";
}

// A word beside the light: who sees no colours sees it too.
function showStreams(streams) {
  const names = Object.keys(streams);
  const down = names.filter((name) => !streams[name]);
  at("streams").textContent = !names.length ? "" : down.length ? `● ${down.join(", ")} DOWN` : `● ${names.length} of ${names.length} streams up`;
  at("streams").className = down.length ? "down" : "up";
}

// How much of each of the venue's budgets is used, and how fast it answers.
function showVenue({ name, budgets, calls }) {
  at("venue").hidden = !name;
  at("budgets").replaceChildren(...budgets.map(({ name: budget, used, limit, reserve, blocked_ms }) => {
    const share = (100 * used) / limit;
    const held = blocked_ms ? ` · HELD BACK for ${Math.ceil(blocked_ms / 1000)} s` : "";
    return bar(budget, `${plain(String(used))} of ${limit} · ${share.toFixed(0)} %${held}`, share, 100 * (limit - reserve) / limit, blocked_ms ? "bad" : "");
  }));
  const answered = calls.answered_ms_ago < 0 ? "never" : `${(calls.answered_ms_ago / 1000).toFixed(1)} s ago`;
  const rows = [
    ["answer, median", calls.calls > calls.unanswered ? `${plain(calls.median_ms)} ms` : "none yet"],
    ["answer, 99 of 100", calls.calls > calls.unanswered ? `${plain(calls.p99_ms)} ms` : "none yet"],
    [`no answer, of the last ${calls.calls}`, String(calls.unanswered), calls.unanswered ? "warn" : ""],
    ["last answer", answered],
  ];
  at("calls").replaceChildren(...rows.flatMap(([label, value, tone]) => [element("dt", label), element("dd", value, tone || "")]));
}

function showTreasury({ treasury }) {
  const rows = [
    ["Principal", money(treasury.principal_baseline)],
    ["Protected", treasury.principal_protected ? "yes" : "NO"],
    ["Costs today", money(treasury.operating_costs_today)],
    ["Reserve today", money(treasury.reserve_accrual_today)],
    ["Surplus, 30 days", money(treasury.rolling_surplus_30d)],
  ];
  at("treasury").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value, value === "NO" ? "bad" : "")]));
}

// A transfer waits for a person twice: for an answer, and then for the payment itself, which the agent's key cannot make.
function showTransfers({ treasury }) {
  if (isShown("transfers", treasury.transfers)) return;
  const waits = { proposed: "waits for your answer", approved: "approved, waits to be paid and settled" };
  showLines("transfers", treasury.transfers.toReversed().map((t) => {
    const answers = element("span");
    if (t.status === "proposed") {
      for (const name of ["approve", "reject"]) answers.append(button(WISHES[name][3], "plain small", () => confirmWish(name, t)), " ");
    }
    return [t.changed_ns, t.status, `${t.transfer_id}: ${plain(t.amount)} ${t.asset} ${waits[t.status] || ""}`, waits[t.status] ? "warn" : "", answers];
  }), "No transfer.");
}

function showCharts(status) {
  const chosen = at("symbol");
  const symbols = Object.keys(status.prices);
  if (chosen.options.length !== symbols.length) chosen.replaceChildren(...symbols.map((name) => new Option(name, name)));
  const points = (list, field = "value") => list.map((point) => ({ time: point.time_ns / 1e6, value: Number(point[field]) }));
  const priced = status.equity.filter((point) => Number(point.value) !== 0);
  drawCurve(at("equity"), { points: points(priced), shade: points(priced, "drawdown") });
  const marks = status.fills.filter((fill) => fill.symbol === chosen.value)
    .map((fill) => ({ time: fill.time_ns / 1e6, value: Number(fill.price), up: fill.side === "buy" }));
  drawCurve(at("price"), { points: points(status.prices[chosen.value] || []), marks });
}

function show(status) {
  stateOf.status = status;
  document.body.dataset.mode = status.mode;
  at("mode").textContent = status.mode === "live" ? "Live — real money" : status.mode;
  at("state").textContent = status.health.status;
  at("account").textContent = `${status.agent} · account ${status.account}`;
  document.title = `${status.mode.toUpperCase()} ${status.gate.state} · meva`;
  showGate(status);
  showFigures(status);
  showLimits(status);
  showHealth(status);
  showTreasury(status);
  showTransfers(status);
  showTable("positions", ["Symbol", "Quantity", "Cost", "Mark", "Realized"],
    status.positions.map((p) => [p.symbol, plain(p.quantity), money(p.cost), plain(p.mark), money(p.realized)]), "Nothing is held.");
  if (!isShown("orders", status.orders)) showTable("orders", ["Status", "Side", "Symbol", "Quantity", "Filled", "Price", "Strategy", "Order"],
    status.orders.map((o) => [o.status, o.side, o.symbol, plain(o.quantity), plain(o.filled_quantity), o.limit_price ? plain(o.limit_price) : "market", o.strategy, orderLink(o.client_order_id)]), "No order is open.");
  showAlerts(status);
  showDecisions(status);
  showCharts(status);
}

async function listen() {
  const response = await ask("v1/stream");
  if (!response.ok) throw new Error((await response.json()).problem);
  at("entry").hidden = true;
  at("desk").hidden = false;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    stateOf.heard = Date.now();
    if (parts.length) show(JSON.parse(parts[parts.length - 1].slice("data: ".length)));
  }
}

async function keepListening() {
  for (;;) {
    try {
      await listen();
    } catch (error) {
      if (!stateOf.status) {
        at("entry-problem").textContent = error.message;
        return;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function showLink() {
  const age = Date.now() - stateOf.heard;
  const stale = stateOf.status !== null && age > STALE_MS;
  document.body.classList.toggle("stale", stale);
  at("veil").hidden = !stale;
  if (stale) {
    at("veil").textContent = `NO DATA since ${clock(stateOf.status.as_of_ns)} UTC`;
    at("state").textContent = "unknown";
  }
  if (stateOf.status) at("link").textContent = stale ? `NO CONTACT for ${Math.round(age / 1000)} s` : `connected · ${clock(stateOf.status.as_of_ns)} UTC`;
}

const counted = (list, noun) => `${list.length} ${noun}${list.length === 1 ? "" : "s"}`;

// Title, what it will do, tone of the button, its label. What goes toward risk names the gate's epoch and a reason.
const WISHES = {
  pause: ["Pause trading?", (s) => `No new orders. ${counted(s.orders, "order")} and ${counted(s.positions, "position")} stay as they are.`, "pause", "Pause"],
  kill: ["Kill the agent?", (s) => `Cancels ${counted(s.orders, "order")} of ours at once, keeps ${counted(s.positions, "position")}, and sends nothing more.`, "kill", "Kill now"],
  resume: ["Trade again?", () => "Orders may leave from now on.", "plain", "Resume"],
  release: ["Release the kill?", () => "Orders may leave again when nothing else holds the gate.", "plain", "Release"],
  budget: ["Set the exposure limit?", (s) => `It is ${money(s.risk_budget)} ${s.reporting_currency} now. Beyond the configured limit it is refused.`, "plain", "Set"],
  acknowledge: ["Seen?", (s, alert) => `${alert.code} ${alert.subject}: it is not repeated while its cause stands. This mends nothing.`, "plain", "Seen"],
  approve: ["Approve the transfer?", (s, t) => `${plain(t.amount)} ${t.asset} (${t.transfer_id}) leave as an instruction, once. It cannot be taken back.`, "plain", "Approve"],
  reject: ["Reject the transfer?", (s, t) => `${plain(t.amount)} ${t.asset} (${t.transfer_id}) stay where they are.`, "plain", "Reject"],
};
const FREE = ["kill", "pause"]; // At 3 a.m. nobody writes an essay first.

const ANSWERS = { approve: true, reject: false };

function messageOf(name, requestId, epoch, subject) {
  const reason = at("reason").value.trim() || (FREE.includes(name) ? "no reason given" : "");
  const message = { request_id: requestId, actor: stateOf.actor, reason };
  if (["resume", "release", "budget"].includes(name)) message.expected_epoch = epoch;
  if (name === "budget") message.budget = at("amount").value.trim();
  if (name === "acknowledge") Object.assign(message, { code: subject.code, subject: subject.subject });
  if (name in ANSWERS) Object.assign(message, { transfer_id: subject.transfer_id, approved: ANSWERS[name] });
  return message;
}

// A kill on the wrong page stops the wrong agent: whoever presses it types which account it is. Case and blanks do not count.
const isAlias = (text, account) => text.trim().toLowerCase() === account.toLowerCase();

function missing(name, message) {
  const { account } = stateOf.status;
  if (name === "kill" && !isAlias(at("alias").value, account)) return `Type ${account}: it is the account that this page stops.`;
  return message.reason ? "" : "Say why: it is kept with the decision.";
}

function confirmWish(name, subject) {
  const [title, text, tone, label] = WISHES[name];
  const requestId = `page-${crypto.randomUUID ? crypto.randomUUID() : Date.now()}`; // One per question: pressing twice is one wish.
  const epoch = stateOf.status.gate.epoch;
  at("confirm-title").textContent = title;
  at("confirm-text").textContent = text(stateOf.status, subject);
  at("confirm-problem").textContent = "";
  at("reason").value = at("amount").value = at("alias").value = "";
  at("amount-label").hidden = name !== "budget";
  at("alias-label").hidden = name !== "kill";
  at("alias-asked").textContent = `Type ${stateOf.status.account} to confirm`;
  const yes = at("confirm-yes");
  yes.className = tone;
  yes.textContent = label;
  yes.onclick = async () => {
    const message = messageOf(name, requestId, epoch, subject);
    at("confirm-problem").textContent = missing(name, message);
    if (at("confirm-problem").textContent) return;
    try {
      const response = await ask(`v1/${name in ANSWERS ? "transfer" : name}`, message);
      const answer = await response.json();
      const problem = answer.refusal || answer.problem || "";
      if (!problem) at("confirm").close();
      at("confirm-problem").textContent = problem;
    } catch (error) {
      at("confirm-problem").textContent = `No answer (${error.message}). Use: meva controls kill`;
    }
  };
  at("confirm").showModal();
  if (name === "kill") at("alias").focus(); // Four letters and Enter: no mouse, no reason needed.
}

for (const name of ["pause", "kill", "resume", "release", "budget"]) at(name).addEventListener("click", () => confirmWish(name));
at("older").addEventListener("click", loadOlder);
at("kind").addEventListener("change", () => showDecisions(stateOf.status));
at("confirm-no").addEventListener("click", () => at("confirm").close());
at("confirm").addEventListener("submit", (event) => event.preventDefault());
at("symbol").addEventListener("change", () => showCharts(stateOf.status));
at("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  stateOf.actor = at("actor").value;
  stateOf.token = at("token").value.trim();
  at("token").value = "";
  keepListening();
});
setInterval(showLink, 500);
