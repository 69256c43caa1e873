import type {Route} from '../route'
export const Costs = ({at}: {at: Route}) => <h1>{at.view}</h1>
