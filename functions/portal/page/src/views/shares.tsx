import type {Route} from '../route'
export const Shares = ({at}: {at: Route}) => <h1>{at.view}</h1>
