/** The word that a slip was most likely meant to be; undefined when none is near. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  // Of a word of three letters, two changed ones leave nothing that was meant.
  const bound = word.length <= 3 ? 1 : Math.max(2, Math.floor(word.length / 4));
  const [best] = words
    .map((candidate) => ({
      candidate,
      distance: distance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .filter((scored) => scored.distance <= bound)
    .toSorted((a, b) => a.distance - b.distance);
  return best?.candidate;
}

/** Levenshtein's: how many letters must be put in, left out or changed. */
function distance(a: string, b: string): number {
  // No name is that long, and the work grows with the product of the lengths.
  if (a.length > 100 || b.length > 100) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? Infinity;
}
