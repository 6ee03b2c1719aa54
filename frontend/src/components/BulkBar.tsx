import { Button, CloseButton, Transition } from '@mantine/core';
import type { StepAction } from '../api/types';
import classes from './BulkBar.module.css';

interface BulkBarProps {
  count: number;
  pending: boolean;
  /** The list is about to be another one. */
  disabled: boolean;
  onStep: (action: StepAction) => void;
  onClear: () => void;
}

/** What can be done with the selected rows; floats so that the list does not move. */
export function BulkBar({ count, pending, disabled, onStep, onClear }: BulkBarProps) {
  return (
    <Transition mounted={count > 0} transition="slide-up" duration={120}>
      {(style) => (
        <div className={classes.bar} style={style} role="toolbar" aria-label="Selected incidents">
          <span className="tabular" role="status">
            {count} selected
          </span>
          <Button loading={pending} disabled={disabled} variant="default" onClick={() => onStep('acknowledge')}>
            Acknowledge
          </Button>
          <Button loading={pending} disabled={disabled} variant="default" onClick={() => onStep('resolve')}>
            Resolve
          </Button>
          <CloseButton size="sm" aria-label="Clear selection" onClick={onClear} />
        </div>
      )}
    </Transition>
  );
}
