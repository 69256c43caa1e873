import type {Route} from '../route'
export const Access = ({at}: {at: Route}) => <h1>{at.view}</h1>
