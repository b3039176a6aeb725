/** The roles, with what each may do. */
export const ROLES: Record<string, string> = {
  admin: "everything",
  designer: "writes and publishes processes",
  operator: "starts, cancels and retries runs",
  approver: "decides approvals",
  viewer: "sees their own runs",
};
