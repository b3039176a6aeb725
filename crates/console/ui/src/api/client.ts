/** The API's client, typed from `docs/openapi.json`. What fails is thrown as the API's own sentence. */

import createClient from "openapi-fetch";
import type { paths, Problem } from "./schema";

export type * from "./schema";

/** What the API, or the way to it, answered instead of what was asked for. */
export class ApiFailure extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly requestId: string | undefined,
    readonly fields: FieldProblem[],
  ) {
    super(message);
    this.name = "ApiFailure";
  }
}

/** What is wrong with one field of what was sent. */
export interface FieldProblem {
  field: string;
  message: string;
}

const client = createClient<paths>({ baseUrl: "", credentials: "same-origin" });

export const api = client;

/** Has who ever asks for something without a session sign in again. */
let onNoSession: () => void = () => {};

export function whenNoSession(then: () => void): void {
  onNoSession = then;
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What a call answers; its problem is thrown. */
export async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  return (await whole(call)).data;
}

/** The same with the answer's head. */
export async function whole<T>(call: Promise<Answer<T>>): Promise<{ data: T; response: Response }> {
  let found: Answer<T>;
  try {
    found = await call;
  } catch {
    throw new ApiFailure("The server can't be reached at the moment.", 0, "unreachable", undefined, []);
  }
  if (found.response.ok) return { data: found.data as T, response: found.response };
  const failure = failureOf(found.error, found.response);
  if (failure.status === 401 && failure.code !== "wrong_password") onNoSession();
  throw failure;
}

/** Whether the server has no such endpoint, or nothing there. */
export const isMissing = (error: unknown): boolean => error instanceof ApiFailure && error.status === 404;

function failureOf(error: unknown, response: Response): ApiFailure {
  const problem = (typeof error === "object" && error !== null ? error : {}) as Partial<Problem>;
  const detail = problem.detail ?? `The server answered with status ${response.status}.`;
  const requestId = problem.request_id ?? response.headers.get("x-request-id") ?? undefined;
  const errors: unknown[] = problem.errors ?? [];
  const fields = errors.filter(isFieldProblem);
  return new ApiFailure(detail, response.status, problem.code ?? "unknown", requestId, fields);
}

function isFieldProblem(error: unknown): error is FieldProblem {
  return typeof error === "object" && error !== null && "field" in error && "message" in error;
}
