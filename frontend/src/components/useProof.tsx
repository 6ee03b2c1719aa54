import { useRef, useState, type ReactNode } from 'react';
import { asProblem, Problem } from '../api/problem';
import { ProofDialog } from './ProofDialog';

interface Waiting {
  resolve: () => void;
  reject: () => void;
}

const NOT_PROVEN = {
  status: 403,
  rule: 'proof_needed',
  title: 'Nothing was done',
  detail: 'It needs you to show that it is you. Do it again to be asked again.',
};

/**
 * Runs what the server does only for people who have just proven who they are. Where it asks for a proof, `dialog` takes
 * one and the act runs again; closing the dialog ends it, and says that nothing was done. Where the proof is given elsewhere,
 * `onLeave` is told before the page is left, to keep what was typed.
 */
export function useProof(onLeave?: () => void): { proven: <T>(act: () => Promise<T>) => Promise<T>; dialog: ReactNode } {
  const [asking, setAsking] = useState(false);
  const waiting = useRef<Waiting | null>(null);
  const proven = async <T,>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (cause) {
      if (asProblem(cause).rule !== 'proof_needed') throw cause;
      await new Promise<void>((resolve, reject) => {
        waiting.current = { resolve, reject: () => reject(new Problem(NOT_PROVEN)) };
        setAsking(true);
      });
      return act();
    }
  };
  const settle = (how: keyof Waiting) => {
    setAsking(false);
    waiting.current?.[how]();
    waiting.current = null;
  };
  const dialog = asking ? (
    <ProofDialog onProven={() => settle('resolve')} onClose={() => settle('reject')} onLeave={onLeave} />
  ) : null;
  return { proven, dialog };
}
