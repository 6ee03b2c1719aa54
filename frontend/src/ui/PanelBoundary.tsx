import { Component, type ReactNode } from 'react';
import { asProblem } from '../api/problem';
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
    return (
      <ProblemAlert
        problem={asProblem(this.state.failure)}
        retry={() => this.setState({ failure: undefined })}
      />
    );
  }
}
