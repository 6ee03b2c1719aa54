import { useState } from 'react';
import type { CreatedApiKey } from '../api/types';
import { CreateKey } from './CreateKey';
import classes from './FirstSignal.module.css';
import { Snippets, type Sent } from './Snippets';
import { Step, Steps } from './Steps';
import { Waiting } from './Waiting';

interface FirstSignalProps {
  sent: Exclude<Sent, 'alerts'>;
  title: string;
  /** One of them: "sample", "line", "trace". */
  unit: string;
  children: React.ReactNode;
}

/** An explorer before its first data: the snippet, a key on the spot, and the wait that turns into data. */
export function FirstSignal({ sent, title, unit, children }: FirstSignalProps) {
  const [created, setCreated] = useState<CreatedApiKey | null>(null);
  return (
    <section className={classes.first} aria-label={title}>
      <p className={classes.lead}>{children}</p>
      <Steps>
        <Step number={1} title="Create a key">
          <CreateKey name={sent} created={created} onCreated={setCreated}>
            Agents sign in with a key that may only send. It goes into the snippet below by itself.
          </CreateKey>
        </Step>
        <Step number={2} title="Tell your agent where to send">
          <Snippets sent={sent} apiKey={created?.key} />
        </Step>
        <Step number={3} title={`See the first ${unit}`}>
          <Waiting title={`Waiting for the first ${unit}…`}>
            This page asks every few seconds and turns into the explorer by itself.
          </Waiting>
        </Step>
      </Steps>
    </section>
  );
}
