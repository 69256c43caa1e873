import type {Route} from '../route'
export const Overview = ({at}: {at: Route}) => <h1>{at.view}</h1>
