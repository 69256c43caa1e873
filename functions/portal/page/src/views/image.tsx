import type {Route} from '../route'
export const Image = ({at}: {at: Route}) => <h1>{at.view}</h1>
