import { Component, type ReactNode } from 'react';
import { asProblem, isNotLoaded, type Problem } from '../api/problem';
import { useRetry } from '../hooks/useRetry';
import { reloadWhenThere } from '../util/reload';
import { ProblemAlert } from './ProblemAlert';

interface PanelBoundaryProps {
  children: ReactNode;
}

/** Keeps the failure of one panel inside it. */
export class PanelBoundary extends Component<PanelBoundaryProps, { failure: unknown }> {
  override state = { failure: undefined };

  static getDerivedStateFromError(failure: unknown) {
    return { failure };
  }

  override render() {
    if (this.state.failure === undefined) return this.props.children;
    const problem = asProblem(this.state.failure);
    if (isNotLoaded(problem)) return <NotLoaded problem={problem} />;
    return <ProblemAlert problem={problem} retry={() => this.setState({ failure: undefined })} />;
  }
}

/** A chunk that did not come is not asked for again by whoever imports it: only the whole page brings it. */
function NotLoaded({ problem }: { problem: Problem }) {
  useRetry(true, reloadWhenThere);
  return <ProblemAlert problem={problem} retry={() => window.location.reload()} />;
}
