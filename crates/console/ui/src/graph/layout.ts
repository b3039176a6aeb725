/** Where the steps of a graph stand. Pure, so that it can run in a worker. */

import { graphlib, layout } from "@dagrejs/dagre";

export type Direction = "LR" | "TB";

export interface LayoutRequest {
  direction: Direction;
  nodes: string[];
  edges: { from: string; to: string; hasLabel: boolean }[];
}

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  width: number;
  height: number;
  /** The middle of each node, in the order of the request. */
  nodes: Point[];
  /** The points of each edge, in the order of the request. */
  edges: Point[][];
}

export const NODE_WIDTH = 172;
export const NODE_HEIGHT = 48;
const MARGIN = 16;

export function layoutOf(request: LayoutRequest): Layout {
  const graph = new graphlib.Graph({ multigraph: true });
  const isAcross = request.direction === "LR";
  graph.setGraph({
    rankdir: request.direction,
    nodesep: isAcross ? 20 : 28,
    ranksep: isAcross ? 40 : 36,
    marginx: MARGIN,
    marginy: MARGIN,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of request.nodes) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const [index, edge] of request.edges.entries()) {
    const label = edge.hasLabel ? { width: 64, height: 16, labelpos: "c" } : {};
    graph.setEdge(edge.from, edge.to, label, String(index));
  }
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    // Without steps there is nothing to measure.
    width: Number.isFinite(width) ? width : 0,
    height: Number.isFinite(height) ? height : 0,
    nodes: request.nodes.map((id) => {
      const { x, y } = graph.node(id) as Point;
      return { x, y };
    }),
    edges: request.edges.map((edge, index) => {
      const found = graph.edge(edge.from, edge.to, String(index)) as { points: Point[] };
      return found.points.map(({ x, y }) => ({ x, y }));
    }),
  };
}

/** A smooth line through points, for SVG. */
export function pathThrough(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${round(first.x)} ${round(first.y)}`;
  for (let at = 0; at < rest.length; at += 1) {
    const point = rest[at] as Point;
    const next = rest[at + 1];
    const end = next ? { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 } : point;
    path += next ? ` Q${round(point.x)} ${round(point.y)} ${round(end.x)} ${round(end.y)}` : ` L${round(end.x)} ${round(end.y)}`;
  }
  return path;
}

const round = (number: number): number => Math.round(number * 10) / 10;

/** The nearest node in a direction from one, as the arrow keys go. */
export function neighbour(nodes: readonly Point[], from: number, key: string): number | undefined {
  const start = nodes[from];
  const ways: Record<string, (dx: number, dy: number) => [number, number]> = {
    ArrowRight: (dx, dy) => [dx, dy],
    ArrowLeft: (dx, dy) => [-dx, dy],
    ArrowDown: (dx, dy) => [dy, dx],
    ArrowUp: (dx, dy) => [-dy, dx],
  };
  const way = ways[key];
  if (!start || !way) return undefined;
  let found: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, node] of nodes.entries()) {
    const [ahead, aside] = way(node.x - start.x, node.y - start.y);
    const far = ahead + 3 * Math.abs(aside);
    if (ahead > 1 && far < least) {
      least = far;
      found = index;
    }
  }
  return found;
}
