/** How well a text answers what is searched for. */

/** From 0 (the text begins so) upwards; nothing where it does not match. */
export function rank(text: string, wanted: string): number | undefined {
  const hay = text.toLowerCase();
  const needle = wanted.trim().toLowerCase();
  if (needle === "") return 3;
  if (hay === needle) return 0;
  if (hay.startsWith(needle)) return 1;
  const words = hay.split(/[^a-z0-9]+/);
  if (words.some((word) => word.startsWith(needle))) return 2;
  if (hay.includes(needle)) return 3;
  return inOrder(hay, needle) ? 4 : undefined;
}

/** Whether the letters stand in the text in this order. */
function inOrder(hay: string, needle: string): boolean {
  let at = 0;
  for (const letter of needle) {
    const found = hay.indexOf(letter, at);
    if (found === -1) return false;
    at = found + 1;
  }
  return true;
}

/** The best answers, those of one rank in their order. */
export function best<T extends { name: string }>(items: readonly T[], wanted: string, most: number): T[] {
  const ranked = items.flatMap((item) => {
    const found = rank(item.name, wanted);
    return found === undefined ? [] : [{ item, found }];
  });
  return ranked
    .sort((a, b) => a.found - b.found)
    .slice(0, most)
    .map(({ item }) => item);
}
