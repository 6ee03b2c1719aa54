import { Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import type { AuditEntry } from '../api/types';
import { CopyIcon } from '../ui/CopyIcon';
import { actorName } from '../util/actor';
import { absoluteTime } from '../util/time';
import classes from './AlertDetails.module.css';
import { AuditDiff } from './AuditDiff';
import { HistoryLink } from './HistoryLink';

/** Everything that is known about one entry. */
export function AuditDetails({ entry }: { entry: AuditEntry }) {
  return (
    <Stack gap="md">
      <dl className={classes.facts}>
        <Fact name="Who">{actorName(entry.actor)}</Fact>
        <Fact name="When">
          <time dateTime={entry.at}>{absoluteTime(entry.at)}</time>
        </Fact>
        <Fact name="Result">{entry.rule ? `refused: ${entry.rule}` : entry.result}</Fact>
        <Fact name="Of">
          <span className="mono">
            {entry.target.type} {entry.target.id}
          </span>{' '}
          <CopyIcon value={entry.target.id} label="Copy the id" />
        </Fact>
      </dl>
      {entry.kind === 'change' && (
        <section>
          <h3 className={classes.heading}>Changes</h3>
          <AuditDiff entry={entry} />
        </section>
      )}
      <section>
        <h3 className={classes.heading}>Identity</h3>
        <dl className={classes.facts}>
          <Fact name="Entry">{entry.seq}</Fact>
          <Fact name="Request">
            <span className="mono">{entry.request_id}</span> <CopyIcon value={entry.request_id} label="Copy the request id" />
          </Fact>
        </dl>
      </section>
      <HistoryLink type={entry.target.type} id={entry.target.id}>
        All entries of this {entry.target.type.replaceAll('_', ' ')}
      </HistoryLink>
    </Stack>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
