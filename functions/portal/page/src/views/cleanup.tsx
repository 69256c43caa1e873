import type {Route} from '../route'
export const Cleanup = ({at}: {at: Route}) => <h1>{at.view}</h1>
