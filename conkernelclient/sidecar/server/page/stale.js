// Which source gave a cell's outputs, as far as this page knows? The server tells which outputs are
// of another source than their cell has; from then on the page follows what is queued and run.

const queued = new Map(); // by cell: its source when it was queued
const ran = new Map(); // by cell: the source of its outputs; null: another one than it had

export function begin(cells, stale) { // with a snapshot
  queued.clear();
  ran.clear();
  for (const { id, source, outputs, execution_count: count } of cells) {
    if (outputs?.length || (count ?? null) !== null) ran.set(id, stale.includes(id) ? null : source);
  }
}

export function follow({ id, source }, state) {
  if (state === "queued") queued.set(id, source);
  if (state === "running") ran.set(id, queued.get(id) ?? source);
  if (state !== "queued") queued.delete(id);
}

export function forget(id) { // its outputs are gone, or nobody's
  ran.delete(id);
}

export function isStale({ id, source, cell_type: kind }) {
  return kind === "code" && ran.has(id) && ran.get(id) !== source;
}
