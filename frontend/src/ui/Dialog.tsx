import { Button, Group, Modal, type MantineSize } from '@mantine/core';
import { useWindowEvent } from '@mantine/hooks';
import { IconPencil } from '@tabler/icons-react';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Callout } from './Callout';
import classes from './Dialog.module.css';

interface DialogProps {
  opened: boolean;
  onClose: () => void;
  title: string;
  size?: MantineSize;
  /**
   * What would be lost with it. Of a form what was typed: a key or a click beside it asks first. A secret can be read
   * this once: only its own button closes it.
   */
  holds?: 'form' | 'secret' | undefined;
  /** There is something in it from before. */
  begun?: boolean;
  children: ReactNode;
}

/** A dialog over the page. The focus goes back to where it was, and Escape closes the uppermost one alone. */
export function Dialog({ opened, onClose, title, size, holds, begun = false, children }: DialogProps) {
  const [typed, setTyped] = useState(begun);
  const [asking, setAsking] = useState(false);
  const [was, setWas] = useState(opened);
  const field = useRef<Element | null>(null);
  if (was !== opened) {
    setWas(opened);
    setTyped(begun);
    setAsking(false);
  }
  const leave = () => {
    if (holds === 'secret') return;
    if (holds === undefined || !typed) return onClose();
    if (!asking) field.current = document.activeElement;
    setAsking(true);
  };
  const goOn = () => {
    setAsking(false);
    if (field.current instanceof HTMLElement) field.current.focus();
  };
  useEscape(opened, () => (asking ? goOn() : leave()));
  useFocusBack(opened);
  return (
    <Modal
      opened={opened}
      onClose={leave}
      closeOnEscape={false}
      withCloseButton={holds !== 'secret'}
      title={title}
      {...(size && { size })}
    >
      {asking && <Asking onKeep={goOn} onDrop={onClose} />}
      <div onChange={() => setTyped(true)}>{children}</div>
    </Modal>
  );
}

function Asking({ onKeep, onDrop }: { onKeep: () => void; onDrop: () => void }) {
  return (
    <div className={classes.asking}>
      <Callout tone="warn" role="alert" icon={<IconPencil size={16} />} title="What you wrote is not saved">
        <Group gap="xs" mt="xs">
          <Button size="compact-sm" variant="default" autoFocus onClick={onKeep}>
            Go on writing
          </Button>
          <Button size="compact-sm" variant="default" onClick={onDrop}>
            Throw it away
          </Button>
        </Group>
      </Callout>
    </div>
  );
}

/** Those that are open, the uppermost last. */
const open: symbol[] = [];

function useEscape(opened: boolean, act: () => void): void {
  const own = useRef<symbol | null>(null);
  useEffect(() => {
    if (!opened) return;
    const me = Symbol();
    own.current = me;
    open.push(me);
    return () => {
      open.splice(open.indexOf(me), 1);
    };
  }, [opened]);
  useWindowEvent(
    'keydown',
    (event) => {
      // One that closes by this very key may leave another uppermost before all have heard of it.
      if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return;
      if (!opened || open.at(-1) !== own.current) return;
      // An open list of choices closes first; Mantine marks its field so.
      if (event.target instanceof Element && event.target.getAttribute('data-mantine-stop-propagation') === 'true') return;
      event.preventDefault();
      act();
    },
    { capture: true },
  );
}

/** A dialog that is open from its first render on is not noticed by Mantine, which gives the focus back only to others. */
function useFocusBack(opened: boolean): void {
  const [before] = useState(() => (opened ? document.activeElement : null));
  useEffect(
    () => () => {
      if (!(before instanceof HTMLElement)) return;
      window.setTimeout(() => {
        if (before.isConnected && document.activeElement === document.body) before.focus({ preventScroll: true });
      });
    },
    [before],
  );
}
