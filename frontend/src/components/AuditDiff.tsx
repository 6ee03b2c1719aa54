import type { AuditEntry } from '../api/types';
import { auditChanges } from '../util/audit-changes';
import classes from './AuditDiff.module.css';

/** What an operation changed: each field as it was and as it is. */
export function AuditDiff({ entry }: { entry: Pick<AuditEntry, 'before' | 'after'> }) {
  const changes = auditChanges(entry.before, entry.after);
  if (changes.length === 0) return <p className="dim">Nothing was changed.</p>;
  return (
    <table className={classes.table} aria-label="Changes">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change) => (
          <tr key={change.field}>
            <td className="mono">{change.field}</td>
            <td>{change.before === null ? <Nothing /> : <span className={classes.before}>{change.before}</span>}</td>
            <td>{change.after ?? <Nothing />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Nothing() {
  return (
    <span className="dim" aria-label="none">
      –
    </span>
  );
}
