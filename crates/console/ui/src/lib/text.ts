/** Small things about texts: ids, amounts, sizes. */

export interface ExactCost {
  amount: string;
  currency: string;
  complete: boolean;
}

/** An amount exactly as the API tells it. */
export function money(cost: ExactCost | null | undefined): string {
  if (!cost) return "–";
  const amount = cost.currency === "USD" ? `$${cost.amount}` : `${cost.amount} ${cost.currency}`;
  return cost.complete ? amount : `${amount} (incomplete)`;
}

/** The end of an id, which tells ids of one time apart. */
export const shortId = (id: string): string => id.slice(-8);

/** A size in bytes. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** A number with a word for what is counted. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** So many names of a list, and that there are more. */
export const namesOf = (names: readonly string[], most: number): string =>
  names.slice(0, most).join(", ") + (names.length > most ? ` and ${names.length - most} more` : "");

/** A value as text that can be copied. */
export const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** A text that nobody else has; also where the page did not come by TLS, and browsers have no `randomUUID`. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
