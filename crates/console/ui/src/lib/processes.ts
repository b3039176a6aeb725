/** Versions of processes, put together by name. */

import type { ProcessSummary } from "@/api/client";

export interface ProcessLine {
  name: string;
  description: string;
  /** The version that the process's page shows: the newest published, else the newest. */
  shown: ProcessSummary;
  newest: ProcessSummary;
  lastRunAt: string | undefined;
  versions: ProcessSummary[];
}

/** Orders versions as numbers where they are numbers: 2, 10, 1.2, 1.10. */
export function byVersion(a: ProcessSummary, b: ProcessSummary): number {
  return b.version.localeCompare(a.version, "en", { numeric: true }) || b.created_at.localeCompare(a.created_at);
}

export function linesOf(processes: readonly ProcessSummary[]): ProcessLine[] {
  const byName = new Map<string, ProcessSummary[]>();
  for (const one of processes) byName.set(one.name, [...(byName.get(one.name) ?? []), one]);
  const lines = [...byName].flatMap(([name, found]) => {
    const versions = found.toSorted(byVersion);
    const newest = versions[0];
    if (!newest) return [];
    const shown = versions.find((one) => one.status === "published") ?? newest;
    const runs = versions.flatMap((one) => one.last_run_at ?? []).toSorted();
    return [{ name, description: shown.description, shown, newest, lastRunAt: runs.at(-1), versions }];
  });
  return lines.toSorted((a, b) => a.name.localeCompare(b.name, "en"));
}
