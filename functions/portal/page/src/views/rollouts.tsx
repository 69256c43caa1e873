import type {Route} from '../route'
export const Rollouts = ({at}: {at: Route}) => <h1>{at.view}</h1>
