// Show what was decided, the newest as it streams in and older pages from the journal, and the story of one order.
"use strict";

// One page of what the journal tells, or a line that says why there is none.
async function page(path) {
  try {
    const answer = await (await ask(path)).json();
    return answer.decisions ? answer : { decisions: [], next: 0, problem: answer.problem };
  } catch (error) {
    return { decisions: [], next: 0, problem: `No answer (${error.message}).` };
  }
}

// The whole story of one order, from the signal to what became of it; a very long one comes page by page.
async function explain(name) {
  at("story-title").textContent = `Order ${name}`;
  const told = [];
  const more = at("story-more");
  const read = async (after) => {
    more.disabled = true;
    const answer = await page(`v1/orders/${encodeURIComponent(name)}/why?after=${after}`);
    told.push(...answer.decisions.map((d) => [d.time_ns, d.kind, d.text, ""]));
    if (answer.problem) told.push([null, "", answer.problem, "empty"]);
    showLines("story-lines", told, "Nothing yet: look on.");
    more.hidden = !answer.next;
    more.disabled = false;
    more.onclick = () => read(answer.next);
  };
  await read(0);
  at("story").showModal();
}

const orderLink = (name) => button(name, "link", () => explain(name));

// The newest decisions come with the status, older ones from the journal when somebody asks; none is missing between them.
const DECISIONS_KEPT = 3000;
const decided = { kind: "", lines: [], before: null, problem: "" };

function takeDecisions(status) {
  const fresh = status.decisions;
  const newest = decided.lines.at(-1)?.sequence ?? 0;
  const chosen = fresh.filter((d) => d.sequence > newest && (!decided.kind || d.kind === decided.kind));
  // More was decided than a status holds: what lies between is asked for again.
  const gap = decided.heard && fresh.length && fresh[0].sequence > decided.heard;
  if (gap) Object.assign(decided, { lines: [], before: null });
  decided.lines.push(...chosen);
  if (decided.before === null && fresh.length) decided.before = fresh[0].sequence;
  if (fresh.length) decided.heard = fresh.at(-1).sequence;
  if (decided.lines.length > DECISIONS_KEPT) {
    decided.lines.splice(0, decided.lines.length - DECISIONS_KEPT);
    decided.before = decided.lines[0].sequence;
  }
}

function showDecisions(status) {
  if (decided.kind !== at("kind").value) Object.assign(decided, { kind: at("kind").value, lines: [], before: null, heard: 0, problem: "" });
  takeDecisions(status);
  at("older").hidden = decided.before === 0;
  const { lines: kept } = decided;
  if (isShown("decisions", decided.kind, decided.problem, kept.length, kept[0]?.sequence, kept.at(-1)?.sequence)) return;
  const lines = kept.toReversed().map((d) =>
    [d.time_ns, d.kind, `${d.symbol} ${d.text}`, d.kind === "refusal" ? "warn" : "", d.client_order_id ? orderLink(d.client_order_id) : null]);
  if (decided.problem) lines.push([null, "", decided.problem, "empty"]);
  showLines("decisions", lines, decided.kind ? "None of this kind lately." : "Nothing was decided yet.");
}

async function loadOlder() {
  const { kind, before } = decided;
  at("older").disabled = true;
  const answer = await page(`v1/decisions?before=${before || 0}&limit=100&kind=${kind}`);
  at("older").disabled = false;
  if (kind !== decided.kind || before !== decided.before) return; // Another kind was chosen meanwhile.
  decided.problem = answer.problem || "";
  if (!answer.problem) Object.assign(decided, { before: answer.next, lines: [...answer.decisions, ...decided.lines] });
  showDecisions(stateOf.status);
}
