/** Who is on it. Somebody who has left is not, whatever was said before: an incident with their name waits for nobody. */
export function assigneeName(
  assignee: { id: string; name: string } | null | undefined,
  members: readonly { user_id: string }[] | undefined,
): string {
  if (!assignee) return 'Unassigned';
  const left = members !== undefined && !members.some((member) => member.user_id === assignee.id);
  return left ? `${assignee.name} (no member any more)` : assignee.name;
}
