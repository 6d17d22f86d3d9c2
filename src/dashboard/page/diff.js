// Lines that differ between two texts. Pure.

/** Pairs [sign, line]: " " in both, "-" only before, "+" only after. */
export function diff(before, after) {
  const [old, now] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const [a, b] = [old.slice(start, old.length - end), now.slice(start, now.length - end)];
  // longest common subsequence of what is left between; too much of it is shown as a whole
  if (a.length * b.length > 4e6) return [...a.map((line) => ["-", line]), ...b.map((line) => ["+", line])];
  const width = b.length + 1;
  const length = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i * width + j] = a[i] === b[j] ? length[(i + 1) * width + j + 1] + 1 : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
  const found = old.slice(0, start).map((line) => [" ", line]);
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push([" ", a[i++]]);
      j++;
    }
    else if (j >= b.length || (i < a.length && length[(i + 1) * width + j] >= length[i * width + j + 1])) found.push(["-", a[i++]]);
    else found.push(["+", b[j++]]);
  }
  return found.concat(old.slice(old.length - end).map((line) => [" ", line]));
}

/** The changed lines with some around them; gaps are shown as "…". */
export function excerpt(pairs, around = 3) {
  const keep = new Set();
  pairs.forEach(([sign], index) => {
    if (sign !== " ") for (let near = index - around; near <= index + around; near++) keep.add(near);
  });
  const shown = [];
  pairs.forEach((pair, index) => {
    if (keep.has(index)) shown.push(pair);
    else if (shown.length && shown.at(-1)[1] !== "…") shown.push([" ", "…"]);
  });
  return shown;
}
